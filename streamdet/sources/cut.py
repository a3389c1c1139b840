"""A part of a video file, from one keyframe to another, that decodes as it does in the whole file.

Which files can be cut is planned by keyframes.py, before anything is decoded; while a part is
decoded, a `CutGuard` checks what the plan took for granted and refuses the part otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from streamdet.errors import SourceError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_NOT_EXACT: Final = "cannot be read in parts"


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a file's video.

    Attributes:
        begin: pts of its first frame, which is a keyframe, ticks; None: the file's first frame.
        end: pts of the first frame behind it, a keyframe too; None: it goes on to the file's end.
    """

    begin: int | None = None
    end: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return self.begin is None and self.end is None


WHOLE: Final = Cut()


def is_not_exact(error: str | None) -> bool:
    """Whether a source's error says that its file must be read as a whole."""
    return error is not None and f": {_NOT_EXACT} (" in error


class CutGuard:
    """Tells which decoded frames belong to a part, and refuses a part that is not exact.

    Of the whole file every frame belongs, and nothing is refused.

    Args:
        cut: the part.
        path: of the file, for errors.

    Attributes:
        next_pts: pts of the first frame behind the part, once that has been decoded.
    """

    def __init__(self, cut: Cut, path: object) -> None:
        self._cut = cut
        self._path = path
        self._has_begun = cut.begin is None
        self.next_pts: int | None = None

    def resume(self) -> None:
        """Begin inside the part: its first frame has been seen."""
        self._has_begun = True

    def is_before(self, frame: VideoFrame) -> bool:
        """Whether a frame comes before the part: with an open group of pictures, some do."""
        begin = self._cut.begin
        return begin is not None and frame.pts is not None and frame.pts < begin

    def is_behind(self, frame: VideoFrame, *, is_plain: bool) -> bool:
        """Whether a frame comes after the part, which ends there.

        Args:
            frame: as it was decoded.
            is_plain: as for `check`.

        Raises:
            SourceError: see `is_not_exact`.
        """
        end = self._cut.end
        if end is None or frame.pts is None or frame.pts < end:
            return False
        self._require(is_plain=is_plain)
        if frame.pts != end:
            self.refuse("no frame begins where it was cut")
        self.next_pts = frame.pts
        return True

    def check(self, frame: VideoFrame, *, is_plain: bool) -> None:
        """Check a frame of the part.

        Args:
            frame: as it was decoded.
            is_plain: whether all was well so far: nothing damaged, times of their own that rise,
                images of one size.

        Raises:
            SourceError: see `is_not_exact`.
        """
        self._require(is_plain=is_plain)
        if not self._has_begun and not (frame.key_frame and frame.pts == self._cut.begin):
            self.refuse("no keyframe begins where it was cut")
        self._has_begun = True

    def check_end(self, *, is_plain: bool) -> None:
        """Check that the file may end here.

        Args:
            is_plain: as for `check`.

        Raises:
            SourceError: see `is_not_exact`.
        """
        self._require(is_plain=is_plain)
        if self._cut.end is not None:
            self.refuse("it ended before the next part")
        if not self._has_begun:
            self.refuse("no frame was found in this part")

    def _require(self, *, is_plain: bool) -> None:
        if not (is_plain or self._cut.is_whole):
            self.refuse("its data is damaged, or its times do not rise")

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the part.

        Raises:
            SourceError: see `is_not_exact`.
        """
        raise SourceError(f"{self._path}: {_NOT_EXACT} ({reason})")
