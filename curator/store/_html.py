"""Facts as a small table for a notebook."""

from collections.abc import Mapping
from html import escape


def summary(facts: Mapping[str, str]) -> str:
    """A table of names and values; neither can be more than text, whatever a folder or class is called."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(value)}</td></tr>'
        for name, value in facts.items()
    )
    return f"<table>{rows}</table>"
