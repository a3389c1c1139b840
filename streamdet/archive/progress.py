"""How far an archive is, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamdet.archive.manifest_rows import FileRow


@dataclass(slots=True)
class Progress:
    """How far an archive is.

    Attributes:
        files: of this command.
        files_done: of these, those that are done or have failed.
        failed: of these, those that have failed.
        segments: of these files.
        segments_done: of these, those that are done.
        seconds: of video in these files.
        seconds_done: of these, those that are done, parts of segments too.
        seconds_now: of these, those that this command has done.
        elapsed_s: since this command began to work.
    """

    files: int
    files_done: int
    failed: int
    segments: int
    segments_done: int
    seconds: float
    seconds_done: float
    seconds_now: float
    elapsed_s: float

    @property
    def speed(self) -> float:
        """Seconds of video for each second of work."""
        return self.seconds_now / max(1e-9, self.elapsed_s)

    @property
    def left_s(self) -> float | None:
        """Seconds of work that are left; None where that cannot be told yet."""
        left = self.seconds - self.seconds_done
        return left / self.speed if self.seconds_now > 0 else None


@dataclass(slots=True)
class Hooks:
    """What the work tells whoever has started it.

    Attributes:
        show: called about ten times a second.
        warn: called with a sentence.
        note: called with a sentence for each thing that was chosen, such as a runtime.
        failed: called with a file that has failed, and why.
    """

    show: Callable[[Progress], None] = lambda progress: None
    warn: Callable[[str], None] = lambda warning: None
    note: Callable[[str], None] = lambda note: None
    failed: Callable[[FileRow, str], None] = lambda row, error: None
