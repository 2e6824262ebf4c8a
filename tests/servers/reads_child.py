"""A FastAPI server whose answers come from a child over stdin and stdout: reads_child.py PORT WAY.

Ill: dies (the task that reads the child's output dies of a line that is not JSON; the server keeps the task), errors
(the child fills a pipe for its errors, which nobody reads). Healthy:
skips (it leaves such a line out), slow (the child takes long, and answers), retired (such a task has died, and another
one reads in its place).
"""

import asyncio
import contextlib
import json
import sys
import time

WAY = sys.argv[2]


def child():
    if WAY not in ("slow", "errors"):
        print("loading the model, please wait", flush=True)
    for line in sys.stdin:
        if WAY == "errors":
            sys.stderr.write("a long report\n" * 50_000)
        time.sleep(25.0 if WAY in ("slow", "retired") and json.loads(line)["id"] > 1 else 0.05)
        print(json.dumps({"id": json.loads(line)["id"], "text": "good"}), flush=True)


class Voice:
    def __init__(self):
        self.waiting, self.last, self.readers = {}, 0, []

    async def begin(self):
        words = [sys.executable, __file__, "0", WAY, "child"]
        pipe = asyncio.subprocess.PIPE
        errors = pipe if WAY == "errors" else None
        self.process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=errors)
        self.readers.append(asyncio.create_task(self.read()))
        if WAY == "retired":
            await asyncio.wait(self.readers)
            self.readers.append(asyncio.create_task(self.read()))

    async def read(self):
        while line := await self.process.stdout.readline():
            self.take(line)

    def take(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            if WAY == "skips":
                return
            raise
        self.waiting.pop(message["id"]).set_result(message["text"])

    async def ask(self, text):
        self.last += 1
        answer = self.waiting[self.last] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": self.last, "text": text}).encode() + b"\n")
        await self.process.stdin.drain()
        return await answer


def serve():
    import uvicorn
    from fastapi import FastAPI

    voice = Voice()

    @contextlib.asynccontextmanager
    async def lifespan(_app):
        await voice.begin()
        yield
        voice.process.kill()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    async def health():
        return "ok"

    @app.get("/go")
    async def go():
        return await voice.ask("hello")

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    child() if sys.argv[3:] == ["child"] else serve()
