"""Where a sink that writes one file per source puts each of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path


def output_path(path: Path, source_id: str, source_ids: Collection[str]) -> Path:
    """Return the file of one source.

    Args:
        path: as the user gave it.
        source_id: the source; what a file name should not hold becomes "_" in it.
        source_ids: all sources of the run.

    Returns:
        Exactly `path` where there is one source, otherwise `<stem>-<source_id><suffix>` beside it.
    """
    if len(source_ids) <= 1:
        return path
    name = re.sub(r"[^\w.-]", "_", source_id)
    return path.with_name(f"{path.stem}-{name}{path.suffix}")
