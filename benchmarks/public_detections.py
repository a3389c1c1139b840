"""What the best of trackers could make of MOT15's public detections, and what ours make of them.

An oracle knows the truth: it gives each detection that overlaps a person the person's track. What
then lacks to MOTA and IDF1 of 1 is due to the detections, what lacks to the oracle to the tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.bench.trackers import run as run_trackers
from streamdet.evaluation.mot import MIN_IOU, MotScores, score
from streamdet.formats.mot_text import PEDESTRIAN, MotRows, format_line, parse_mot, read_mot
from streamdet.ops.iou import pairwise_iou
from streamdet.registry import KINDS
from streamdet.trackers.assignment import assign
from streamdet.trackers.offline.gaps import fill_gaps
from streamdet.trackers.offline.track_rows import TrackRows

HELD_OUT: Final = ("ETH-Pedcross2", "PETS09-S2L1", "Venice-2")
AIMS: Final = {"MOTA": Aim(">=", 0.50), "IDF1": Aim(">=", 0.62), "switches": Aim("<", 80)}
KIND: Final = "bot_sort"
NOBODY: Final = -1
_GAPS: Final = (10, 10_000)
_SCORES: Final = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)


@dataclass(frozen=True, slots=True)
class Known:
    """A sequence whose detections are known.

    Attributes:
        truth: all of its boxes.
        found: the public detections, each with the track of the person that it is; -1 for none.
    """

    truth: MotRows
    found: MotRows


def run(material: Material) -> Outcome:
    """Hold an oracle and our tracker against the aim, on the sequences that nothing was chosen on.

    Raises:
        ConfigError: a sequence is missing.
    """
    metrics = [*bounds([_read(material.tracks / name) for name in HELD_OUT])]
    report = run_trackers(material.tracks, HELD_OUT)
    for form, title in (("ours", "online"), ("offline", "offline")):
        for name, aim in AIMS.items():
            value = report[KIND][form][name.lower()]
            metrics.append(Metric(f"{KIND} {title}: {name}", value, "", aim))
    metrics += _speeds(report)
    return Outcome(metrics, report, [f"sequences: {', '.join(HELD_OUT)}"])


def bounds(sequences: Sequence[Known]) -> Iterator[Metric]:
    """Say what an oracle makes of the detections, in several ways."""
    yield from _metrics("oracle, true detections", _scored(sequences, true_tracks))
    for longest in _GAPS:
        title = f"oracle, true detections and gaps of up to {longest} frames"
        yield from _metrics(title, _scored(sequences, partial(filled, longest=longest)))
    tried = {least: _scored(sequences, partial(all_from, least=least)) for least in _SCORES}
    for least in (_SCORES[0], max(tried, key=lambda each: tried[each].mota)):
        yield from _metrics(f"oracle, all detections of score {least:.2f} and more", tried[least])


def true_tracks(known: Known) -> MotRows:
    """Keep what is a person."""
    return known.found[known.found.track_ids != NOBODY]


def filled(known: Known, longest: int) -> MotRows:
    """Keep what is a person, and fill the gaps of tracks on straight lines (trackers/offline)."""
    true = true_tracks(known)
    put = fill_gaps(
        TrackRows(true.frames - 1, true.track_ids, true.xyxy, true.scores, true.class_ids), longest
    )
    return parse_mot([*_lines(true.frames, true), *_lines(put.frames + 1, put)])


def _lines(frames: npt.NDArray[np.int64], rows: MotRows | TrackRows) -> Iterator[str]:
    columns = frames.tolist(), rows.track_ids.tolist(), rows.xyxy, rows.scores.tolist()
    return (format_line(*row) for row in zip(*columns, strict=True))


def all_from(known: Known, least: float) -> MotRows:
    """Keep what has a score, person or not; each that is none has a track of its own."""
    rows = known.found[known.found.scores >= least]
    own = rows.track_ids.max(initial=0) + 1 + np.arange(len(rows))
    return replace(rows, track_ids=np.where(rows.track_ids == NOBODY, own, rows.track_ids))


def with_true_ids(truth: MotRows, found: MotRows) -> MotRows:
    """Give detections the tracks of the people that they are, `NOBODY` to others.

    A frame's pairs are those of the largest total overlap, each of `MIN_IOU` or more.
    """
    count = max(truth.frame_count, found.frame_count)
    is_target = (truth.scores > 0) & (truth.class_ids == PEDESTRIAN)
    frames = zip(truth[is_target].in_frames(count), found.in_frames(count), strict=True)
    return replace(found, track_ids=np.concatenate([_ids(*frame) for frame in frames]))


def _ids(targets: MotRows, found: MotRows) -> npt.NDArray[np.int64]:
    iou = pairwise_iou(targets.xyxy, found.xyxy)
    rows, columns = assign(np.where(iou >= MIN_IOU, iou, 0.0))
    ids = np.full(len(found), NOBODY)
    ids[columns] = targets.track_ids[rows]
    return ids


def _read(folder: Path) -> Known:
    truth = read_mot(folder / "gt.txt")
    return Known(truth, with_true_ids(truth, read_mot(folder / "det.txt")))


def _scored(sequences: Sequence[Known], make: Callable[[Known], MotRows]) -> MotScores:
    _, total = score((each.truth, make(each)) for each in sequences)
    return total


def _metrics(title: str, scores: MotScores) -> Iterator[Metric]:
    for name in AIMS:
        yield Metric(f"{title}: {name}", getattr(scores, name.lower()))


def _speeds(report: dict[str, Any]) -> Iterator[Metric]:
    """Updates a second of each tracker, as a share of the fastest: a ratio of one run."""
    rates = {kind: report[kind]["ours"]["updates_per_s"] for kind in KINDS["tracker"]}
    for kind, rate in rates.items():
        yield Metric(f"{kind}: updates, one thread", rate, "/s")
        yield Metric(f"{kind}: updates / the fastest's", rate / max(rates.values()))
