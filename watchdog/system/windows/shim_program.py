"""Servers are not started by wd on Windows yet."""

from __future__ import annotations


def main() -> None:
    raise SystemExit("wd cannot start a server on Windows yet")
