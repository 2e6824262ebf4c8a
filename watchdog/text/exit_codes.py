"""What the number says that a process has ended with. Windows tells faults by numbers from 0x40000000 on."""

from __future__ import annotations

_FAULTS = 0x40000000
_WORDS = {
    0x40010004: "ended when the user logged off or the machine was shut down",
    0x80000003: "a breakpoint, or an abort, with no debugger",
    0xC0000005: "access violation: it touched memory that is not its own",
    0xC0000017: "not enough memory",
    0xC000001D: "illegal instruction: made for another processor",
    0xC0000022: "access denied",
    0xC000007B: "a program or DLL for another kind of processor (32 and 64 bit mixed)",
    0xC0000094: "division by zero",
    0xC00000FD: "stack overflow: a recursion too deep",
    0xC000012D: "the machine's commit limit: memory and page file are used up",
    0xC0000135: "a DLL that it needs was not found",
    0xC0000139: "a DLL has not what it needs: another version",
    0xC000013A: "ended by Ctrl-C, Ctrl-Break, or with its console",
    0xC0000142: "a DLL could not be initialised",
    0xC0000374: "damaged heap memory",
    0xC0000409: "an abort in native code, or a damaged stack",
    0xC06D007E: "a DLL that it loads late was not found",
    0xE06D7363: "a C++ exception that nobody caught",
}


def in_words(code: int) -> str:
    """ "code 3", or "code 0xC0000005 (access violation: …)"."""
    number = code & 0xFFFFFFFF
    if number < _FAULTS:
        return f"code {code}"
    known = _WORDS.get(number)
    return f"code 0x{number:08X}" + (f" ({known})" if known else "")
