"""A file of which FFmpeg may read only so much to find out what it is.

FFmpeg's own limit (probesize) counts what it could make sense of: a file of nothing but padding is
read to its end, whatever its size.
"""

from __future__ import annotations

from typing import IO


class BoundedFile:
    """Reads a file on; while it is being opened, up to a limit.

    Args:
        file: to read.
        most: bytes that may be read until `end_limit`.

    Attributes:
        is_over: whether the limit was reached.
    """

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._left: int | None = most
        self.is_over = False

    def end_limit(self) -> None:
        """Let all of it be read from now on."""
        self._left = None

    def read(self, size: int = -1) -> bytes:
        """Read bytes; none where there are no more, or the limit was reached."""
        if self._left is None:
            return self._file.read(size)
        data = self._file.read(size if 0 <= size <= self._left else self._left)
        self._left -= len(data)
        self.is_over = self.is_over or self._left == 0
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it stands."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Whether it can be moved in."""
        return self._file.seekable()
