"""The cameras of a run, for people to read: a table with a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from streamdet.run.report import SourceReport
from streamdet.system.redaction import short

_COUNTS: Final = ("emitted", "published", "dropped")
_COUNT_WIDTH: Final = 11
_LONGEST_REASON: Final = 120


def cameras_live(sources: Iterable[SourceReport]) -> Iterator[str]:
    """Say how many cameras are live, of those that are there; nothing where there was none."""
    all_states = [source.camera.state for source in sources if source.camera is not None]
    states = [state for state in all_states if state != "removed"]
    if all_states:
        noun = "camera" if len(states) == 1 else "cameras"
        yield f"{states.count('live')} of {len(states)} {noun} live"


def camera_lines(sources: Iterable[SourceReport], unfinished: str) -> Iterator[str]:
    """Write the table, in the run's order; nothing where there is no camera.

    Args:
        sources: of a run; files are passed over.
        unfinished: what frames under way are called.
    """
    cameras = [source for source in sources if source.camera is not None]
    if not cameras:
        return
    width = max(len("camera"), *(len(camera.source_id) for camera in cameras))
    yield _line("camera", width, (*_COUNTS, unfinished), "state")
    for camera in cameras:
        dropped = sum(camera.dropped.values())
        counts = (camera.emitted, camera.published, dropped, camera.unfinished)
        yield _line(camera.source_id, width, map(str, counts), "; ".join(_notes(camera)))


def _line(name: str, width: int, counts: Iterable[str], last: str) -> str:
    return "  ".join(
        (f"  {name:<{width}}", "".join(f"{each:>{_COUNT_WIDTH}}" for each in counts), last)
    )


def _notes(camera: SourceReport) -> Iterator[str]:
    yield short(str(camera.camera), _LONGEST_REASON)
    if camera.dropped:
        drops: Counter[str] = Counter()
        for reason, count in sorted(camera.dropped.items()):
            drops[_word(reason)] += count
        yield f"dropped: {', '.join(f'{count} {word}' for word, count in drops.most_common())}"
    if camera.added_s is not None:
        yield f"added after {camera.added_s:.0f} s"
    if camera.damaged:
        yield f"{camera.damaged} damaged"
    if camera.failure is not None:
        yield "failed"


def _word(reason: str) -> str:
    """Shorten a reason to what stands before its colon: the report's file has it in full."""
    return reason.partition(":")[0]
