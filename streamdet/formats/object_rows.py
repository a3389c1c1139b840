"""Objects as rows of a table: one row an object, the same columns in CSV and in Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final, Literal

from streamdet.detections import NO_PARENT
from streamdet.formats.frame_json import described
from streamdet.messages import FrameMessage

ColumnType = Literal["text", "integer", "number", "boolean"]
Row = tuple[str | int | float | None, ...]

COLUMNS: Final[dict[str, ColumnType]] = {
    "source_id": "text",
    "frame_id": "integer",
    "pts_s": "number",
    "id": "integer",
    "class_id": "integer",
    "label": "text",
    "confidence": "number",
    "x1": "number",
    "y1": "number",
    "x2": "number",
    "y2": "number",
    "interpolated": "boolean",
    "parent": "integer",
    "parent_id": "integer",
}
"""Column -> type, in order.

frame_id counts from 0; pts_s (seconds) is null where the file has no times; id is null for an
object of no track; x1 to y2 are pixels of the source, x2 and y2 exclusive edges; interpolated says
that it was not found in this frame, but put where its track must have been; parent is the place
among the frame's rows, from 0, of the object in which a second detector found it, parent_id that
object's id.
"""


def object_rows(message: FrameMessage, class_names: Sequence[str]) -> list[Row]:
    """Write a frame's objects as rows; a dropped frame has none.

    Args:
        message: the frame, in source pixels.
        class_names: of the model that found the objects; a class without one is called by its
            number.

    Raises:
        ValueError: a box or a score is NaN or infinite.
    """
    frame = message.frame
    pts_s = None if frame.pts_ns is None else frame.pts_ns / 1e9
    found, items = message.detections, described(message, class_names)
    flags = None if found is None else found.interpolated
    put = [False] * len(items) if flags is None else flags.tolist()
    parents = None if found is None else found.parents
    rows = [NO_PARENT] * len(items) if parents is None else parents.tolist()
    return [
        (
            frame.source_id,
            frame.index,
            pts_s,
            item["id"],
            item["class_id"],
            item["label"],
            item["confidence"],
            *item["bbox"],
            "true" if is_put else "false",
            *((None, None) if parent == NO_PARENT else (parent, items[parent]["id"])),
        )
        # A dropped frame has no items.
        for item, is_put, parent in zip(items, put, rows, strict=False)
    ]


def csv_header() -> bytes:
    """Write the names of the columns as the first line of a CSV file."""
    return csv_lines([tuple(COLUMNS)])


def csv_lines(rows: Sequence[Row]) -> bytes:
    """Write rows as lines of CSV (RFC 4180, but lines end in a newline alone); null is empty."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
