"""`wd completion SHELL`: click writes the scripts, except the one for PowerShell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, get_completion_class

from watchdog.steps.spec import Context, StepResult

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $env:%(complete_var)s = "powershell_complete"
    $env:COMP_WORDS = $commandAst.ToString()
    $env:COMP_CWORD = $wordToComplete
    %(prog_name)s | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, "ParameterValue", $_)
    }
    Remove-Item Env:%(complete_var)s, Env:COMP_WORDS, Env:COMP_CWORD
}
"""


class PowerShell(ShellComplete):
    """One value a line, which the script above hands to PowerShell."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        words, incomplete = os.environ["COMP_WORDS"].split()[1:], os.environ.get("COMP_CWORD", "")
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return words, incomplete

    def format_completion(self, item: CompletionItem[str]) -> str:
        return str(item.value)


add_completion_class(PowerShell)


def completion(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The script that teaches a shell to complete `wd`."""
    shell = options["shell"]
    made = get_completion_class(shell)
    assert made is not None, shell
    text = made(click.Group("wd"), {}, "wd", "_WD_COMPLETE").source()
    return StepResult("ok", f"the completion script for {shell}", {"shell": shell, "script": text}, text=text)
