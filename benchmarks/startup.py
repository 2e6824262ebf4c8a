"""What a command costs before it does anything: `wd --version` and `wd --help` beside a bare Python and its library.

python benchmarks/startup.py [--rounds N] [--json FILE]
"""

from __future__ import annotations

import sys

from side_by_side import WD, fixed, measure, options, show


def main() -> None:
    given = options(__doc__ or "", (0,))
    outcomes = [
        measure(
            f"wd {word}",
            [
                fixed(f"wd {word}", WD, word),
                fixed('python -c "import click"', sys.executable, "-c", "import click"),
                fixed("python -c pass", sys.executable, "-c", "pass"),
            ],
            given.rounds,
            processes,
        )
        for processes in given.processes
        for word in ("--version", "--help")
    ]
    show(outcomes, given.json)


if __name__ == "__main__":
    main()
