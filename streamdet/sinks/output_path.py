"""Where a sink that writes one file per source puts each of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

_DOUBLE: Final = (".coco.json", ".mots.txt")
"""Suffixes of two parts, before both of which a source's name goes."""


def output_path(path: Path, source_id: str, source_ids: Collection[str]) -> Path:
    """Return the file of one source.

    Args:
        path: as the user gave it.
        source_id: the source; what a file name should not hold becomes "_" in it.
        source_ids: all sources that the run began with.

    Returns:
        Exactly `path` for the only source that a run began with, otherwise
        `<stem>-<source_id><suffix>` beside it.
    """
    if len(source_ids) <= 1 and source_id in source_ids:
        return path
    name = re.sub(r"[^\w.-]", "_", source_id)
    suffix = next((end for end in _DOUBLE if path.name.lower().endswith(end)), path.suffix)
    stem = path.name[: len(path.name) - len(suffix)]
    return path.with_name(f"{stem}-{name}{path.name[len(stem) :]}")
