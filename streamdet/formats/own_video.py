"""How a video that a run has written is told from others: by a comment in its header."""

from __future__ import annotations

from pathlib import Path
from typing import Final

COMMENT: Final = "written by streamdet"
SUFFIX: Final = ".mp4"
_HEADER_BYTES: Final = 4096
"""Of ftyp and moov, which have about 1,300."""


def is_own_video(path: Path) -> bool:
    """Whether a file is a video that a run has written; False where it cannot be read."""
    if path.suffix.lower() != SUFFIX:
        return False
    try:
        with path.open("rb") as file:
            return COMMENT.encode() in file.read(_HEADER_BYTES)
    except OSError:
        return False
