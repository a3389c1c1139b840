"""Our trackers against the `trackers` library: MOTA, IDF1 and updates a second, in one run.

Both get the same public detections and default options and are timed in their update alone, three
times, the best one counting. `python -m streamdet.bench.trackers FOLDER [NAME ...]` prints the
result as JSON, for all sequences of a folder or for some.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from streamdet import registry
from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.evaluation.mot import results_of, score, timed_updates
from streamdet.formats.mot_text import MotRows, read_mot
from streamdet.trackers.offline import OfflineOptions
from streamdet.trackers.track_file import made_better
from streamdet.trackers.with_others import followed

# Our name -> the library's class.
_LIBRARY = {
    "sort": "SORTTracker",
    "byte_track": "ByteTrackTracker",
    "oc_sort": "OCSORTTracker",
    "bot_sort": "BoTSORTTracker",
}
_Sequence = tuple[MotRows, list[Detections]]
_ABSENT = "absent: pip install trackers"
_ROUNDS = 3
RATIOS = ("mota", "idf1", "updates_per_s")
"""Of what the ratio is given: the more, the better."""


def run(folder: Path, names: Collection[str] = ()) -> dict[str, Any]:
    """Compare on every sequence of a folder.

    Args:
        folder: sub-folders with det.txt and gt.txt each.
        names: of the sub-folders; none stand for all.

    Returns:
        Per tracker: "ours", "library" and "ratio" (ours / library; both None where the library is
        absent), each with mota, idf1 and updates_per_s over all sequences; and the library. "ours"
        and "library" also have switches; "offline" has what becomes of ours once all frames are
        known (trackers/offline).

    Raises:
        ConfigError: there is no sequence, or a file is wrong.
    """
    sequences = [
        (read_mot(path.parent / "gt.txt"), read_mot(path).detections())
        for path in sorted(folder.glob("*/det.txt"))
        if not names or path.parent.name in names
    ]
    if not sequences:
        raise ConfigError(f"{folder}: wanted sequences NAME/det.txt and NAME/gt.txt, found none")
    version = _library_version()
    report: dict[str, Any] = {"library": version or _ABSENT}
    for kind in registry.KINDS["tracker"]:
        ours = _measure(_ours(kind), sequences)
        library = _measure(_library(kind), sequences) if version else None
        report[kind] = {"ours": ours, "library": library, "ratio": _ratio(ours, library)}
        report[kind]["offline"] = _offline(kind, sequences)
    return report


@dataclass(frozen=True, slots=True)
class _Contestant:
    """A tracker and how it wants its detections and says its results, outside the timed part."""

    make: Callable[[], Any]
    prepare: Callable[[Detections], Any]
    read: Callable[[Any], Detections]


def _measure(contestant: _Contestant, sequences: Iterable[_Sequence]) -> dict[str, float]:
    pairs, updates, seconds = [], 0, 0.0
    for truth, frames in sequences:
        prepared = [contestant.prepare(detections) for detections in frames]
        rounds = [timed_updates(contestant.make(), prepared) for _ in range(_ROUNDS)]
        pairs.append((truth, results_of(map(contestant.read, rounds[0][0]))))
        updates += len(frames)
        seconds += min(update_s for _, update_s in rounds)
    return {**_scores(pairs), "updates_per_s": updates / seconds}


def _offline(kind: str, sequences: Iterable[_Sequence]) -> dict[str, float]:
    pairs = []
    for truth, frames in sequences:
        tracker = _ours(kind).make()
        tracked = [followed(tracker, found, 0.0) for found in frames]
        pairs.append((truth, results_of(made_better(tracked, OfflineOptions()))))
    return _scores(pairs)


def _scores(pairs: Iterable[tuple[MotRows, MotRows]]) -> dict[str, float]:
    _, total = score(pairs)
    return {"mota": total.mota, "idf1": total.idf1, "switches": total.switches}


def _ratio(ours: dict[str, float], library: dict[str, float] | None) -> dict[str, float] | None:
    return library and {key: ours[key] / library[key] for key in RATIOS}


def _library_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"trackers {version('trackers')}"
    except PackageNotFoundError:
        return None


def _ours(kind: str) -> _Contestant:
    make = registry.load("tracker", kind)
    return _Contestant(lambda: make(make.Options()), lambda found: found, lambda tracks: tracks)


def _library(kind: str) -> _Contestant:
    import supervision
    import trackers

    def prepare(found: Detections) -> Any:
        return supervision.Detections(
            xyxy=found.xyxy, confidence=found.scores, class_id=found.class_ids
        )

    return _Contestant(getattr(trackers, _LIBRARY[kind]), prepare, _from_library)


def _from_library(tracks: Any) -> Detections:
    """Leave out boxes without a track (id -1)."""
    if len(tracks) == 0:
        return replace(Detections.empty(), track_ids=np.zeros(0, dtype=np.int64))
    rows = Detections(tracks.xyxy, tracks.confidence, tracks.class_id, tracks.tracker_id)
    return rows[tracks.tracker_id >= 0]


if __name__ == "__main__":
    json.dump(run(Path(sys.argv[1]), sys.argv[2:]), sys.stdout, indent=2)
