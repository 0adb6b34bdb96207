"""CSV files that people open, fill in and hand back: safe in a spreadsheet, the same after a round trip."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from curator.errors import CuratorError
from curator_indexes.files import atomic_path

FORMULA_STARTS = tuple("=+-@\t\r")  # a spreadsheet runs a cell that starts so (OWASP, CSV injection)
DELIMITERS = ",;\t"
PATH_COLUMNS = ("path", "filepath", "file_name", "filename", "image", "image_path")
LABEL_COLUMNS = ("label", "class", "class_name")
_UNPRINTABLE = ("Cc", "Zl", "Zp", "Cs")  # Unicode categories that would break a line or a terminal


def escape(cell: str) -> str:
    """Disarm a cell that a spreadsheet would run, by a leading apostrophe; `unescape` undoes it."""
    return f"'{cell}" if cell.startswith((*FORMULA_STARTS, "'")) else cell


def unescape(cell: str) -> str:
    """Undo `escape`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*FORMULA_STARTS, "'")) else cell


def to_csv(frame: pd.DataFrame) -> str:
    """Render a frame as CSV text with every text cell disarmed; floats keep 6 significant digits."""
    safe = frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name].dtype):
            safe[name] = ["" if pd.isna(value) else escape(str(value)) for value in safe[name]]
    returns = any("\r" in cell for name in safe.columns for cell in safe[name] if isinstance(cell, str))
    quoting: Literal[0, 2] = (
        2 if returns else 0
    )  # QUOTE_NONNUMERIC, QUOTE_MINIMAL: this leaves a lone \r bare
    buffer = io.StringIO(newline="")
    safe.to_csv(buffer, index=False, lineterminator="\n", float_format="%.6g", quoting=quoting)
    return buffer.getvalue()


def check_output(path: Path | None, *, overwrite: bool) -> None:
    """CuratorError, before any work is done, where a result could not be written to `path` at the end."""
    if path is None:
        return
    if path.exists() and not overwrite:
        raise CuratorError(f"{path} exists, and may hold work of yours: add --overwrite to replace it")
    if not path.parent.is_dir():
        raise CuratorError(f"cannot write {path}: there is no folder {path.parent}")


def write_csv(frame: pd.DataFrame, path: Path, *, overwrite: bool = False) -> None:
    """Write a frame as CSV, all of it or nothing; refuse to replace a file unless told to."""
    check_output(path, overwrite=overwrite)
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(to_csv(frame), encoding="utf-8", newline="")
    except OSError as error:
        raise CuratorError(f"cannot write {path}: {error.strerror}") from error


@dataclass(frozen=True)
class LabelLine:
    """One filled-in row of a label file. `line` counts from 1, as an editor shows it.

    A row with a `given_label` is a verdict: whoever filled it in saw that label.
    """

    line: int
    path: str
    label: str
    annotator: str
    content_hash: str
    given_label: str = ""


def read_label_lines(file: Path) -> list[LabelLine]:
    """Read the rows of a label file whose label is filled in; CuratorError names each malformed line."""
    lines: list[LabelLine] = []
    problems: list[str] = []
    for number, row in _rows(file):
        try:
            line = _label_line(number, row)
        except ValueError as problem:
            problems.append(f"line {number}: {problem}")
        else:
            lines += [line] if line.label else []
    refuse(file, problems)
    return lines


def refuse(file: Path, problems: Sequence[str], shown: int = 5) -> None:
    """Raise CuratorError listing the first problems of a file, where there are any."""
    if problems:
        more = f"\n  ... and {len(problems) - shown} more" if len(problems) > shown else ""
        listed = "".join(f"\n  {problem}" for problem in problems[:shown])
        raise CuratorError(f"nothing was imported from {file}:{listed}{more}")


def check_label(label: str) -> None:
    """ValueError for a label that would break a line, or a terminal."""
    if any(unicodedata.category(character) in _UNPRINTABLE for character in label):
        raise ValueError(f"the label {label!r} holds a line break or another control character")


def _label_line(number: int, row: Mapping[str, str] | str) -> LabelLine:
    if isinstance(row, str):
        raise ValueError(row)
    label = unescape(row["label"].strip())
    check_label(label)
    if not row["path"]:
        raise ValueError("the path is empty")
    content_hash, annotator = row.get("id", ""), unescape(row.get("annotator", "").strip())
    given = unescape(row.get("given_label", "").strip())
    return LabelLine(number, unescape(row["path"]), label, annotator, content_hash, given)


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Yield (line, cells by canonical column name), or (line, what is wrong with it)."""
    text = _text(file)
    first_line = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        names = _columns(file, next(reader, []))
        start = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(names):
                yield start, f"{len(cells)} cells where the header has {len(names)}"
            elif cells:
                yield start, dict(zip(names, cells, strict=True))
            start = reader.line_num + 1
    except csv.Error as error:
        raise CuratorError(f"nothing was imported from {file}: line {start}: {error}") from error


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CuratorError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CuratorError(
            f"nothing was imported from {file}: line {line} is not UTF-8; save the file as 'CSV UTF-8'"
        ) from error


def _columns(file: Path, header: Sequence[str]) -> list[str]:
    """Canonical names for a header: path and label under any of the names that people use."""
    names = [name.strip().lower() for name in header]
    for canonical, aliases in (("path", PATH_COLUMNS), ("label", LABEL_COLUMNS)):
        present = [alias for alias in aliases if alias in names]
        if not present:
            raise CuratorError(
                f"nothing was imported from {file}: the first line must name a column {canonical!r} "
                f"(or one of {', '.join(aliases[1:])}); it has: {', '.join(header) or 'nothing'}"
            )
        names[names.index(present[0])] = canonical
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CuratorError(f"nothing was imported from {file}: the column {twice[0]!r} stands there twice")
    return names


def read_table(file: Path) -> pd.DataFrame:
    """A CSV table as written here, all cells as text and as they were; CuratorError where it is none."""
    try:
        frame = pd.read_csv(io.StringIO(_text(file)), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise CuratorError(f"{file} is no CSV table: {error}") from error
    return frame.map(unescape)


def read_column(file: Path, column: str) -> dict[str, str]:
    """One column of a CSV table by path; CuratorError where it has no such column, or none of paths."""
    frame = read_table(file)
    paths = next((name for name in PATH_COLUMNS if name in frame), None)
    if paths is None or column not in frame:
        wanted = "path" if paths is None else column
        raise CuratorError(f"{file} has no column {wanted!r}; it has: {', '.join(frame.columns)}")
    return dict(zip(frame[paths], frame[column], strict=True))


def cells(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """A frame with exactly these columns, in this order, also when there are no rows."""
    return pd.DataFrame(list(rows), columns=list(columns))
