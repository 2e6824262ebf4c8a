"""Where CPython keeps what, in bytes: one table a version.

From the interpreters' own headers (64-bit builds with the interpreter lock), which the releases of one minor version
share; what may differ is checked in the live process by `interpreter.py` before anything is believed. 3.13 and later
tell the part that may move in a table of their own, which is read instead (`debug_table.py`).
"""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Offsets:
    """Distances from the start of a structure. None: this version has no such thing, or it is not needed."""

    version: str
    # runtime, interpreter, thread
    runtime_interpreters: int
    interpreter_next: int
    interpreter_gc: int
    interpreter_threads: int
    interpreter_modules: int
    thread_next: int
    thread_ident: int
    thread_native: int | None
    thread_frame: int  # to the frame, or to the record that points at it
    thread_frame_inside: int | None  # where in that record
    # a frame
    frame_code: int
    frame_globals: int
    frame_previous: int
    frame_instruction: int
    frame_stacktop: int
    frame_owner: int | None  # None: it names its generator instead, in `frame_generator`
    frame_locals: int
    frame_generator: int | None
    frame_state: int | None
    frame_stack: int | None  # to where the value stack begins; None: behind the local variables
    # a coroutine, generator or asynchronous generator
    generator_state: int | None  # None: the state is in the frame
    generator_frame: int
    states: tuple[int, ...]  # not started, suspended, …; see `coroutines.py`
    # a code object
    code_filename: int
    code_name: int
    code_qualname: int | None
    code_first_line: int
    code_line_table: int
    code_names: int
    code_kinds: int | None
    code_start: int  # of the instructions
    # an asyncio task
    task_state: int
    task_waiter: int
    task_coroutine: int
    task_name: int
    # strings, types
    text_ascii: int
    text_other: int
    type_cached_keys: int
    # what most versions have in the same place
    code_called_names: int = 32  # names of globals and attributes
    code_handlers: int | None = 40  # the table of its handlers of exceptions
    gc_permanent: int = 104
    gc_collecting: int = 200
    tuple_items: int = 24
    split_values: int = 0  # bytes before the values of a dict that shares its keys
    lock_locked: int = 32  # the lowest bit of a byte
    simple_queue_count: int | None = None
    references: bool = False  # a frame has references with tags in their lowest bits, and its stack's top by address
    # for asyncio's own lists of tasks, see `asyncio_table.py`
    interpreter_size: int | None = None
    task_size: int | None = None
    task_awaited_by: int | None = None
    task_is_task: int | None = None
    task_node: int | None = None


TABLE = {
    "3.10": Offsets(
        "3.10", runtime_interpreters=32, interpreter_next=0, interpreter_gc=616, interpreter_threads=8,
        interpreter_modules=856, thread_next=8, thread_ident=176, thread_native=None, thread_frame=24,
        thread_frame_inside=None, frame_code=32, frame_globals=48, frame_previous=24, frame_instruction=96,
        frame_stacktop=80, frame_owner=None, frame_locals=352, frame_generator=88, frame_state=108, frame_stack=64,
        generator_state=None, generator_frame=16, states=(-2, -1, -1, 0), code_filename=104, code_name=112,
        code_qualname=None, code_first_line=40, code_line_table=120, code_names=72,
        code_kinds=None, code_start=48, task_state=88, task_waiter=152, task_coroutine=160, task_name=168,
        text_ascii=48, text_other=72, type_cached_keys=872, code_called_names=64, code_handlers=None,
    ),
    "3.11": Offsets(
        "3.11", runtime_interpreters=40, interpreter_next=0, interpreter_gc=648, interpreter_threads=16,
        interpreter_modules=888, thread_next=8, thread_ident=152, thread_native=160, thread_frame=56,
        thread_frame_inside=8, frame_code=32, frame_globals=8, frame_previous=48, frame_instruction=56,
        frame_stacktop=64, frame_owner=69, frame_locals=72, frame_generator=None, frame_state=None, frame_stack=None,
        generator_state=75, generator_frame=80, states=(-2, -1, -1, 0), code_filename=112, code_name=120,
        code_qualname=128, code_first_line=72, code_line_table=136, code_names=96,
        code_kinds=104, code_start=184, task_state=88, task_waiter=128, task_coroutine=136, task_name=144,
        text_ascii=48, text_other=72, type_cached_keys=872,
    ),
    "3.12": Offsets(
        "3.12", runtime_interpreters=40, interpreter_next=0, interpreter_gc=112, interpreter_threads=72,
        interpreter_modules=944, thread_next=8, thread_ident=136, thread_native=144, thread_frame=56,
        thread_frame_inside=0, frame_code=0, frame_globals=24, frame_previous=8, frame_instruction=56,
        frame_stacktop=64, frame_owner=70, frame_locals=72, frame_generator=None, frame_state=None, frame_stack=None,
        generator_state=67, generator_frame=72, states=(-2, -1, -1, 0), code_filename=112, code_name=120,
        code_qualname=128, code_first_line=68, code_line_table=136, code_names=96,
        code_kinds=104, code_start=192, task_state=88, task_waiter=128, task_coroutine=136, task_name=144,
        text_ascii=40, text_other=56, type_cached_keys=880,
    ),
    "3.13": Offsets(
        "3.13", runtime_interpreters=632, interpreter_next=7264, interpreter_gc=7400, interpreter_threads=7344,
        interpreter_modules=7656, thread_next=8, thread_ident=152, thread_native=160, thread_frame=72,
        thread_frame_inside=None, frame_code=0, frame_globals=24, frame_previous=8, frame_instruction=56,
        frame_stacktop=64, frame_owner=70, frame_locals=72, frame_generator=None, frame_state=None, frame_stack=None,
        generator_state=67, generator_frame=72, states=(-3, -2, -1, 0), code_filename=112, code_name=120,
        code_qualname=128, code_first_line=68, code_line_table=136, code_names=96,
        code_kinds=104, code_start=200, task_state=96, task_waiter=112, task_coroutine=120, task_name=128,
        text_ascii=40, text_other=56, type_cached_keys=880, split_values=8, simple_queue_count=56,
    ),
    "3.14": Offsets(
        "3.14", runtime_interpreters=808, interpreter_next=7272, interpreter_gc=7408, interpreter_threads=7344,
        interpreter_modules=7688, thread_next=8, thread_ident=152, thread_native=160, thread_frame=72,
        thread_frame_inside=None, frame_code=0, frame_globals=24, frame_previous=8, frame_instruction=56,
        frame_stacktop=64, frame_owner=74, frame_locals=80, frame_generator=None, frame_state=None, frame_stack=None,
        generator_state=67, generator_frame=72, states=(-3, -2, -1, 0), code_filename=112, code_name=120,
        code_qualname=128, code_first_line=68, code_line_table=136, code_names=96,
        code_kinds=104, code_start=208, task_state=104, task_waiter=120, task_coroutine=128, task_name=136,
        text_ascii=40, text_other=56, type_cached_keys=880, gc_permanent=96, gc_collecting=192, tuple_items=32,
        split_values=8, lock_locked=16, simple_queue_count=56, references=True, interpreter_size=225864,
        task_size=168, task_awaited_by=96, task_is_task=108, task_node=152,
    ),
}  # fmt: skip

# The same in every version of the table.
OBJECT_TYPE, OBJECT_SIZE = 8, 16
TYPE_NAME, TYPE_BASIC_SIZE, TYPE_FLAGS, TYPE_BASE, TYPE_DICT, TYPE_DICT_OFFSET, TYPE_MRO = (
    24,
    32,
    168,
    256,
    264,
    288,
    344,
)
DICT_KEYS, DICT_VALUES = 32, 40
SET_MASK, SET_TABLE = 32, 40
BYTES_DATA, LIST_ITEMS = 32, 24
METHOD_FUNCTION, METHOD_SELF = 16, 24  # of a bound method; self of one in C too
CELL_VALUE, WRAPPED, MODULE_DICT = 16, 16, 16
RLOCK_OWNER = 24  # 0 while nobody has it
FUNCTION_NAME, FUNCTION_CODE, DESCRIPTOR_NAME = 32, 48, 24
FUNCTION_DEFAULTS, FUNCTION_CLOSURE = 56, 72
GC_HEAD = 16  # bytes before an object that the collector tracks
GC_GENERATIONS, GC_GENERATION = 24, 24
