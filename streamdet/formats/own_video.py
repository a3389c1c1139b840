"""How videos that a run has written are told from others: by a comment in its header or at its end.

The header of a clip may be large, with the comment far in it: such a file ends with a box (`free`,
ISO/IEC 14496-12, section 8.1.2) that holds the comment, too, and that players skip.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

COMMENT: Final = "written by streamdet"
SUFFIX: Final = ".mp4"
_HEADER_BYTES: Final = 4096
"""Of ftyp and moov, which have about 1,300."""
END_MARK: Final = (8 + len(COMMENT)).to_bytes(4) + b"free" + COMMENT.encode()


def is_own_video(path: Path) -> bool:
    """Whether a file is a video that a run has written; False where it cannot be read."""
    if path.suffix.lower() != SUFFIX:
        return False
    try:
        with path.open("rb") as file:
            if COMMENT.encode() in file.read(_HEADER_BYTES):
                return True
            file.seek(-min(len(END_MARK), path.stat().st_size), os.SEEK_END)
            return file.read() == END_MARK
    except OSError:
        return False
