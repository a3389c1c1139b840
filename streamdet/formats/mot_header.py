"""The order of MOTChallenge's columns, and headers that name it."""

from __future__ import annotations

import re
from typing import Final

from streamdet.system.redaction import short

COLUMN_COUNTS: Final = range(6, 11)
CLASS_COLUMN_COUNTS: Final = (8, 9)
ORDER: Final = ("frame", "id", "left", "top", "width", "height", "score", "class")
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
_FEWEST_KNOWN: Final = 4
_BOX: Final = re.compile("^(bounding)?(bbox|box|bb)(?=.)")  # bb_left is a left


def names_columns(cells: list[str]) -> bool:
    """Say whether a comment is a header, whatever its order: prose has fewer of these words."""
    known = [cell for cell in cells if _meaning(cell)]
    return len(cells) in COLUMN_COUNTS and len(known) >= _FEWEST_KNOWN


def check_header(cells: list[str]) -> None:
    """Check that a header names MOTChallenge's order.

    Raises:
        ValueError: it names another one; says which column is wrong.
    """
    words = [short(repr(cell.strip())) for cell in cells]
    meant = [*map(_meaning, cells)]
    if len(cells) not in CLASS_COLUMN_COUNTS and "class" in meant[7:]:
        raise ValueError(
            f"the header calls one of 10 columns {words[meant.index('class', 7)]}, as VisDrone"
            " does: the class is column 8 of 8 or 9 columns"
        )
    wanted = ORDER if len(cells) in CLASS_COLUMN_COUNTS else ORDER[: min(len(cells), 7)]
    for number, role in enumerate(wanted, start=1):
        if meant[number - 1] != role:
            raise ValueError(
                f"the header calls column {number} {words[number - 1]}, wanted the {role}:"
                f" columns must be {', '.join(wanted)}"
            )


def _meaning(cell: str) -> str | None:
    """Say which column a header's word means."""
    word = _BOX.sub("", re.sub("[^a-z0-9]", "", cell.lower()))
    return next((role for role, names in _NAMES.items() if word in names.split()), None)
