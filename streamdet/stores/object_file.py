"""An object of a store as a file that is read from end to end, or here and there."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FIRST: Final = 64 * 1024
"""Bytes of a request after a jump: a keyframe or an index is looked at."""

MOST: Final = 1024 * 1024
"""Bytes of a request once it goes straight on; each that follows another is twice as large."""

KEPT: Final = 4
"""Requests whose bytes are kept: a header, an index, and where the video is."""


class ObjectFile(io.RawIOBase):
    """Reads an object by ranges; an object of less than `MOST` bytes in one request.

    Args:
        read: reads the bytes from one place to another.
        size: of the object, bytes.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._at = 0
        self._end = 0
        self._ahead = size if size <= MOST else FIRST
        self._windows: list[tuple[int, bytes]] = []

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read in any order."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read as many bytes as there are at hand, at least one before the end.

        Raises:
            StreamdetError: of `read`.
        """
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not view:
            return 0
        begin, data = self._window()
        some = data[self._at - begin : self._at - begin + len(view)]
        view[: len(some)] = some
        self._at += len(some)
        return len(some)

    def _window(self) -> tuple[int, bytes]:
        for number, (begin, data) in enumerate(self._windows):
            if begin <= self._at < begin + len(data):
                self._windows.append(self._windows.pop(number))
                return begin, data
        goes_on = self._end <= self._at < self._end + self._ahead
        if self._windows:
            self._ahead = min(2 * self._ahead, MOST) if goes_on else min(FIRST, self._size)
        end = min(self._at + self._ahead, self._size)
        self._windows = [*self._windows[1 - KEPT :], (self._at, self._read(self._at, end))]
        self._end = end
        return self._windows[-1]
