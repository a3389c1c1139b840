"""Lines of MOTChallenge text as tools write them, turned into a table of numbers.

Commas, semicolons, tabs or blanks stand between columns. There are 6 columns, or more: the 7th is
the score, the 8th of 8 or 9 the class; 10 are MOT15's, whose last three are a place in the world.
Comments (#), blank lines and a header that names this order are skipped. What is ordered otherwise
is refused, since it would be read as other boxes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError
from streamdet.system.redaction import short

Table = npt.NDArray[np.float64]

COLUMN_COUNTS: Final = range(6, 11)
CLASS_COLUMN_COUNTS: Final = (8, 9)
MAX_FRAMES: Final = 10_000_000
"""Four days at 25 frames a second; every frame up to the last is tracked, seen or not."""

_ORDER: Final = ("frame", "id", "left", "top", "width", "height", "score", "class")
_NAMES: Final = {
    "frame": "frame frameid frameindex frameidx frameno framenr framenum framenumber f",
    "id": "id trackid trackerid trackingid targetid objectid objid personid identity tid track",
    "left": "left x x1 x0 xmin xleft xtl tlx leftx topleftx l",
    "top": "top y y1 y0 ymin ytop ytl tly topy toplefty t",
    "width": "width w",
    "height": "height h",
    "score": "score conf confidence confidencescore detscore detconf prob probability s flag"
    " consider considered active valid",
    "class": "class cls classid category categoryid objectcategory objectclass label labelid type",
}
_VISDRONE_CLASSES: Final = 12
_BOX: Final = re.compile("^(bounding)?(bbox|box|bb)(?=.)")  # bb_left is a left


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
                _check_header(cells)
                continue
            is_header = not first and not any(map(_is_number, cells))
            first, count = first or number, count or len(cells)
            _check_count(cells, count, first)
            if is_header:
                _check_header(cells)
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
        if any(map(str.strip, cells)) and (not is_comment or _looks_like_header(cells)):
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


def _meaning(cell: str) -> str | None:
    """Say which column a header's word means."""
    word = _BOX.sub("", re.sub("[^a-z0-9]", "", cell.lower()))
    return next((role for role, names in _NAMES.items() if word in names.split()), None)


def _looks_like_header(cells: list[str]) -> bool:
    return len(cells) in COLUMN_COUNTS and [*map(_meaning, cells[:2])] == ["frame", "id"]


def _check_header(cells: list[str]) -> None:
    words = [short(repr(cell.strip())) for cell in cells]
    meant = [*map(_meaning, cells)]
    if len(cells) not in CLASS_COLUMN_COUNTS and "class" in meant[7:]:
        raise ValueError(
            f"the header calls one of 10 columns {words[meant.index('class', 7)]}, as VisDrone"
            " does: the class is column 8 of 8 or 9 columns"
        )
    wanted = _ORDER if len(cells) in CLASS_COLUMN_COUNTS else _ORDER[: min(len(cells), 7)]
    for number, role in enumerate(wanted, start=1):
        if meant[number - 1] != role:
            raise ValueError(
                f"the header calls column {number} {words[number - 1]}, wanted the {role}:"
                f" columns must be {', '.join(wanted)}"
            )


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
    columns = table.shape[1]
    if columns == 8:
        is_other = _is_among(table[:, 4], 2) and _is_among(table[:, 5], _VISDRONE_CLASSES)
    else:
        is_other = (
            columns == 10
            and _is_among(table[:, 7], _VISDRONE_CLASSES)
            and _is_among(table[:, 8], 2)
            and _is_among(table[:, 9], 3)
            and len({0.0, 1.0}.union(table[:, 7])) > 2
        )
    if len(table) and is_other:
        raise ConfigError(
            f"{name}: looks like VisDrone's text (category, truncation and occlusion at the end),"
            f" wanted MOTChallenge's columns: {', '.join(_ORDER)}"
        )


def _is_among(column: npt.NDArray[np.float64], count: int) -> bool:
    """Say whether all values are whole numbers from 0 on, below a count."""
    return bool(np.isin(column, np.arange(count)).all())
