"""The `curator` command: one file per verb, no logic of its own."""

from curator_cli._group import main

__all__ = ["main"]
