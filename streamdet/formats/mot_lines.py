"""Lines of MOTChallenge text as tools write them, turned into a table of numbers.

Commas, semicolons, tabs or blanks stand between columns. There are 6 columns, or more: the 7th is
the score, the 8th of 8 or 9 the class; 10 are MOT15's, whose last three are 3D world coordinates.
Comments (#), blank lines and a header that names this order are skipped. What is ordered otherwise
is refused, since it would be read as other boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError
from streamdet.formats.mot_header import (
    CLASS_COLUMN_COUNTS,
    COLUMN_COUNTS,
    ORDER,
    check_header,
    names_columns,
)
from streamdet.system.redaction import short

Table = npt.NDArray[np.float64]

MAX_FRAMES: Final = 10_000_000
"""Four days at 25 frames a second; every frame up to the last is tracked, seen or not."""

_VISDRONE_CLASSES: Final = 12


def parse_table(lines: Sequence[str], name: str) -> Table:
    """Parse lines; (R, C) with the file's C columns, in its order.

    Args:
        lines: without line ends.
        name: what errors call the text.

    Raises:
        ConfigError: a line is wrong, in one sentence with its number.
    """
    rows: list[list[float]] = []
    first = count = 0  # the line that says how many columns there are, and how many it has
    for number, cells, is_comment in _split(lines):
        try:
            if is_comment:
                check_header(cells)
                continue
            is_header = not first and not any(map(_is_number, cells))
            first, count = first or number, count or len(cells)
            _check_count(cells, count, first)
            if is_header:
                check_header(cells)
            else:
                rows.append(_row(cells))
        except ValueError as exc:
            raise ConfigError(f"{name}:{number}: {exc}") from exc
    table = np.array(rows, np.float64).reshape(len(rows), count or COLUMN_COUNTS[0])
    _refuse_visdrone(table, name)
    return table


def _split(lines: Sequence[str]) -> Iterator[tuple[int, list[str], bool]]:
    """Give the number and the cells of each line that holds any, and whether it is a comment.

    Of comments only those that name columns, as numpy.savetxt writes a header.
    """
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        is_comment = text.startswith("#")
        cells = _cells(text.lstrip("# ") if is_comment else text)
        if any(map(str.strip, cells)) and (not is_comment or names_columns(cells)):
            yield number, cells, is_comment


def _cells(text: str) -> list[str]:
    if '"' in text:
        text = text.replace('"', "")
    separator = next((each for each in ";,\t" if each in text), None)
    cells = text.split(separator)
    return cells[:-1] if cells and not cells[-1] else cells


def _check_count(cells: list[str], count: int, first: int) -> None:
    if count not in COLUMN_COUNTS:
        raise ValueError(
            f"wanted 6 to 10 columns with commas, semicolons, tabs or blanks between, got {count}"
        )
    if len(cells) != count:
        raise ValueError(f"wanted {count} columns as in line {first}, got {len(cells)}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _row(cells: list[str]) -> list[float]:
    try:
        values = [*map(float, cells)]
    except ValueError as exc:
        raise ValueError(_no_number(cells)) from exc
    if not all(map(isfinite, values)):
        raise ValueError("wanted finite numbers, got inf or nan")
    if not 1 <= values[0] <= MAX_FRAMES or not values[0].is_integer():
        raise ValueError(f"wanted a frame number, 1 to {MAX_FRAMES:,}, in column 1, got {cells[0]}")
    if not values[1].is_integer():
        raise ValueError(f"wanted a whole number, the id, in column 2, got {cells[1]}")
    if values[4] < 0 or values[5] < 0:
        raise ValueError(f"wanted width and height of 0 or more, got {cells[4]} and {cells[5]}")
    if len(values) in CLASS_COLUMN_COUNTS and not values[7].is_integer():
        raise ValueError(f"wanted a whole number, the class, in column 8, got {cells[7]}")
    return values


def _no_number(cells: list[str]) -> str:
    place, cell = next(
        (place, cell.strip()) for place, cell in enumerate(cells, 1) if not _is_number(cell)
    )
    if not cell:
        return f"column {place} is empty, wanted a number"
    hint = ", with a point before the decimals" if "," in cell else ""
    return f"wanted numbers{hint}, got {short(repr(cell), 42)}"


def _refuse_visdrone(table: Table, name: str) -> None:
    """Refuse VisDrone's category, truncation and occlusion, which end 10 columns, or 8 of images.

    Those of images have no frame and no id before the box, so that what is read as its size is a
    score of 0 or 1 and a category of 0 to 11.
    """
    if not len(table):
        return
    is_other = False
    if table.shape[1] == 8:
        is_other = _is_among(table[:, 4], 2) and _is_among(table[:, 5], _VISDRONE_CLASSES)
    elif table.shape[1] == 10:
        category, truncation, occlusion = table[:, 7:].T
        says_something = category.max() > 1 or category.min() < category.max()
        is_other = (
            says_something  # pedestrians only, or zeros only, are the same in both
            and _is_among(category, _VISDRONE_CLASSES)
            and _is_among(truncation, 2)
            and _is_among(occlusion, 3)
        )
    if is_other:
        raise ConfigError(
            f"{name}: looks like VisDrone's text (category, truncation and occlusion at the end),"
            f" wanted MOTChallenge's columns: {', '.join(ORDER)}"
        )


def _is_among(column: npt.NDArray[np.float64], count: int) -> bool:
    """Say whether all values are whole numbers from 0 on, below a count."""
    return bool(np.isin(column, np.arange(count)).all())
