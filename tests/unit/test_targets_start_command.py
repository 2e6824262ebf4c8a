"""What a playbook says of itself that does not fit together."""

from __future__ import annotations

import pytest

from watchdog.model.playbook import Playbook, Start
from watchdog.model.selector import Selector
from watchdog.targets.expected import why_start_differs


@pytest.mark.parametrize(
    ("words", "command", "differs"),
    [
        (("serve.py",), ("python", "serve.py", "80"), False),
        (("serve.py",), ("/venv/bin/python", "-X", "dev", "/srv/draft.py"), True),
        (("uvicorn", "shop:app"), ("python", "-m", "uvicorn", "shop:app"), False),
        (("uvicorn", "shop:app"), ("python", "-m", "uvicorn", "cart:app"), True),
        (("serve.py",), ("./run.sh",), False),  # what that runs cannot be seen
        (("serve.py",), ("python", "-c", "import serve"), False),
        (("serve.py",), (), False),
        ((), ("python", "draft.py"), False),
    ],
)
def test_a_start_command_of_another_script_is_told(
    words: tuple[str, ...], command: tuple[str, ...], differs: bool
) -> None:
    told = why_start_differs(Playbook("shop", Selector(port=1, cmdline=words), start=Start(command)))
    assert bool(told) is differs
    assert "find.cmdline" in told or not differs
