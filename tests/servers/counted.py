"""Objects in every list of the collector: the frozen, the old and the young. Prints, as one line of JSON, how many the
collector itself knows of each class."""

import collections
import gc
import json
import time


class Frozen:
    pass


class Old:
    pass


class Young:
    pass


kept = [Frozen() for _ in range(700)]
gc.collect()
gc.freeze()
kept += [Old() for _ in range(500)]
gc.collect()
gc.disable()
kept += [Young() for _ in range(300)]
print(json.dumps(collections.Counter(type(one).__name__ for one in gc.get_objects())), flush=True)
time.sleep(3600)
