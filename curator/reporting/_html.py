"""Small pieces of HTML. Every function escapes the text that it is given, and returns markup."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TypeAlias

from curator.reporting.findings import Unmade

Captioned: TypeAlias = tuple[str, Sequence[str]]
"""The path of an image and what is said of it."""


def text(words: object) -> str:
    """Any text, so that none of it is markup; line breaks in a file name do not break a line."""
    return escape(" ".join(str(words).split("\n")), quote=True)


def paragraph(*words: object, style: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{text(style)}">{text(" ".join(map(str, words)))}</p>'


def unmade(missing: Unmade) -> str:
    """Why something is not there, and what to type."""
    why = f"Not made yet: {missing.why}"
    return paragraph(why, style="unmade") + (command(missing.command) if missing.command else "")


def command(*lines: str) -> str:
    """Commands to type, a line each."""
    return f"<pre><code>{chr(10).join(map(text, lines))}</code></pre>"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Large numbers with what they count below them."""
    listed = "".join(f"<div><dd>{text(value)}</dd><dt>{text(name)}</dt></div>" for name, value in pairs)
    return f"<dl>{listed}</dl>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of text cells; numbers stand at the right."""
    top = "".join(f"<th>{text(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def image(data: bytes, described: str, *, kind: str = "jpeg") -> str:
    """A picture that is part of the page, or a word in its place where there is none."""
    if not data:
        return '<span class="gone">cannot be read any more</span>'
    source = base64.b64encode(data).decode("ascii")
    return f'<img alt="{text(described)}" src="data:image/{kind};base64,{source}">'


def cards(paths: Iterable[Captioned], picture: Callable[[str], bytes]) -> str:
    """Thumbnails, each with lines of text below: the first stands out, the path comes last."""
    return f'<div class="cards">{"".join(_card(path, lines, picture(path)) for path, lines in paths)}</div>'


def groups(members: Iterable[Iterable[Captioned]], picture: Callable[[str], bytes]) -> str:
    """Thumbnails of several groups, each group in a frame of its own."""
    framed = (
        f'<div class="group">{"".join(_card(path, lines, picture(path)) for path, lines in group)}</div>'
        for group in members
    )
    return f'<div class="groups">{"".join(framed)}</div>'


def _card(path: str, lines: Sequence[str], data: bytes) -> str:
    said = "".join(f"<span>{text(line)}</span>" for line in lines)
    return f"<figure>{image(data, path)}<figcaption>{said}<small>{text(path)}</small></figcaption></figure>"


def _cell(value: object) -> str:
    number = isinstance(value, int | float)
    shown = f"{value:,}" if isinstance(value, int) else value
    return f'<td class="number">{text(shown)}</td>' if number else f"<td>{text(shown)}</td>"
