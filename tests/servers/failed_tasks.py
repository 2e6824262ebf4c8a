"""Tasks that ended: with an exception, well, and by a cancel. Prints, as one line of JSON, where the exception came
through."""

import asyncio
import json
import traceback


class Reader:
    def __init__(self):
        self.seen = 0

    async def messages(self, lines):
        for line in lines:
            self.seen += 1
            self.take(line)

    def take(self, line):
        return json.loads(line)


async def well():
    return 1


async def main():
    kept = [
        asyncio.create_task(Reader().messages(["1", "nonsense"])),
        asyncio.create_task(well()),
        asyncio.create_task(asyncio.sleep(100)),
    ]
    await asyncio.sleep(0)
    kept[2].cancel()
    await asyncio.sleep(0.05)
    error = kept[0].exception()
    print(json.dumps([(one.name, one.lineno) for one in traceback.extract_tb(error.__traceback__)]), flush=True)
    await asyncio.get_running_loop().create_future()
    print(kept)


if __name__ == "__main__":
    asyncio.run(main())
