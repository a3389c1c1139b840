"""MOTS text as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamdet.detections import NO_PARENT, UNTRACKED, Detections, FrameMasks
from streamdet.formats.mots_text import MotsRow, parse_mots
from streamdet.messages import FrameMessage
from streamdet.ops.run_length import decode
from streamdet.sinks.mots import MotsOptions, MotsSink
from tests.sinks.frames import context, message

NAMES = ("person", "bus", "car", "person")
"""Of two models, one after the other."""


def found(class_ids: list[int], track_ids: list[int], *columns: list[int]) -> Detections:
    """Objects of rising score whose masks fill columns of the frame."""
    masks = np.zeros((len(columns), 48, 64), np.bool_)
    for mask, numbers in zip(masks, columns, strict=True):
        mask[:, numbers] = True
    count = len(columns)
    return Detections(
        np.tile(np.array([0, 0, 8, 8], np.float32), (count, 1)),
        np.linspace(0.5, 0.9, count, dtype=np.float32),
        np.array(class_ids),
        np.array(track_ids),
        FrameMasks.of_arrays(masks),
    )


def written(
    tmp_path: Path, *messages: FrameMessage, first_frame: int = 1
) -> tuple[list[MotsRow], list[str]]:
    """The rows of a run's file, and what it said."""
    said: list[str] = []
    options = MotsOptions.model_validate(
        {"path": tmp_path / "o.mots.txt", "first_frame": first_frame}
    )
    run = replace(context("cam"), class_names={"toy": NAMES}, warn=said.append)
    sink = MotsSink(options, run)
    sink.restore({})
    sink.write(messages, [None] * len(messages))
    sink.committed()
    sink.close()
    return parse_mots((tmp_path / "o.mots.txt").read_text().splitlines(), "o"), said


def columns_of(row: MotsRow) -> list[int]:
    mask = decode(row.counts.encode(), row.hw)
    return np.flatnonzero(mask.all(axis=0)).tolist()


def test_masks_of_tracks_do_not_overlap_and_the_higher_score_wins(tmp_path: Path) -> None:
    objects = found([0, 2], [4, 9], [0, 1, 2], [2, 3])
    rows, said = written(tmp_path, replace(message(index=2), detections=objects))
    assert [(row.frame, row.track_id, row.class_id, row.hw) for row in rows] == [
        (3, 4, 2, (48, 64)),
        (3, 9, 1, (48, 64)),
    ]
    assert [columns_of(row) for row in rows] == [[0, 1], [2, 3]]
    assert said == []


def test_frames_may_count_from_0(tmp_path: Path) -> None:
    objects = found([0], [1], [0])
    [row], _ = written(tmp_path, replace(message(), detections=objects), first_frame=0)
    assert row.frame == 0


def test_other_classes_are_left_out_take_no_pixels_and_are_told_once(tmp_path: Path) -> None:
    frames = [
        replace(message(index=n), detections=found([0, 1], [1, 2], [0, 1], [1])) for n in (0, 1)
    ]
    rows, said = written(tmp_path, *frames)
    assert [columns_of(row) for row in rows] == [[0, 1], [0, 1]]
    [sentence] = said
    assert sentence.endswith("MOTS text has cars and people only: left out are bus")


@pytest.mark.parametrize(
    "change",
    [
        {"detections": None},
        {"drop_reason": "stale"},
        {"detections": found([0], [UNTRACKED], [0])},
        {"detections": replace(found([0], [1], [0]), track_ids=None)},
        {"detections": replace(found([0], [1], [0]), masks=None)},
        {"detections": found([0], [1], [])},  # put into a gap: an empty mask
    ],
)
def test_what_has_no_track_or_no_mask_has_no_line(
    tmp_path: Path, change: dict[str, object]
) -> None:
    rows, _ = written(tmp_path, replace(message(), **change))  # type: ignore[arg-type]
    assert rows == []


def test_an_outline_of_a_second_model_has_the_track_in_whose_crop_it_was_found(
    tmp_path: Path,
) -> None:
    """Rows: a tracked person without a mask, a car in its crop, and two outlines of people."""
    plain = found([0, 2, 3, 3], [4, UNTRACKED, UNTRACKED, UNTRACKED], [0], [1], [2], [3])
    assert plain.masks is not None
    masks = FrameMasks(plain.masks.hw, (b"", *plain.masks.counts[1:]))
    objects = replace(plain, masks=masks, parents=np.array([NO_PARENT, 0, 0, 0]))
    [row], _ = written(tmp_path, replace(message(), detections=objects))
    assert (row.track_id, row.class_id, columns_of(row)) == (4, 2, [3])
