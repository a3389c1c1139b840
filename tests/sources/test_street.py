"""The rendered street and its truth."""

from __future__ import annotations

import subprocess
import sys
from zlib import crc32

import cv2
import numpy as np
import pytest

from streamdet.ops.iou import pairwise_iou
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.sprites import Canvas, blend, overlap
from streamdet.sources.street import Street


def test_a_frame_depends_on_nothing_but_scene_and_index() -> None:
    forwards, backwards = Street(SceneSpec()), Street(SceneSpec())
    first = [forwards.render(index) for index in (0, 7, 40)]
    again = [backwards.render(index) for index in (40, 7, 0)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_frames_are_the_same_in_another_process() -> None:
    program = (
        "from zlib import crc32; from streamdet.sources.street import *;"
        "print(crc32(Street(SceneSpec(seed=5)).render(33).tobytes()))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(answer.stdout) == crc32(Street(SceneSpec(seed=5)).render(33).tobytes())


def test_seeds_make_different_streets() -> None:
    assert not np.array_equal(
        Street(SceneSpec(seed=1)).render(0), Street(SceneSpec(seed=2)).render(0)
    )


def test_the_returned_frame_is_the_callers_own() -> None:
    street = Street(SceneSpec())
    street.render(0)[:] = 0
    assert street.render(0).any()


@pytest.mark.parametrize("hw", [(64, 64), (333, 517), (720, 1280)])
def test_any_size_is_rendered_and_its_truth_lies_inside(hw: tuple[int, int]) -> None:
    street = Street(SceneSpec(hw=hw))
    assert street.render(11).shape == (*hw, 3)
    xyxy = street.truth(11).xyxy
    assert (xyxy[:, :2] >= 0).all() and (xyxy[:, 2:] <= hw[::-1]).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()


def test_the_nearest_object_is_exactly_where_the_truth_says() -> None:
    street = Street(SceneSpec(seed=3))
    for index in range(0, 200, 20):
        truth = street.truth(index)
        left, top, right, bottom = truth.xyxy[-1].astype(int)
        changed = (street.render(index) != street.background).any(axis=2)
        # Its pixels reach all four edges of its box; above its head nobody nearer can stand.
        assert truth.scores[-1] > 0
        for line in (
            changed[top, left:right],
            changed[top:bottom, left],
            changed[top:bottom, right - 1],
        ):
            assert line.any()


def test_masks_are_what_is_to_be_seen() -> None:
    street = Street(SceneSpec(seed=3))
    for index in range(0, 200, 40):
        truth = street.truth(index)
        assert truth.masks is not None
        masks = truth.masks.decoded()
        assert (masks.sum(axis=0) <= 1).all()
        changed = (street.render(index) != street.background).any(axis=2)
        assert changed[masks.any(axis=0)].mean() > 0.9  # few pixels look like what is behind
        for mask, (left, top, right, bottom) in zip(masks, truth.xyxy.astype(int), strict=True):
            inside = mask[top:bottom, left:right].sum()
            assert inside == mask.sum() > 0


def test_hidden_parts_lower_the_score_and_hidden_objects_are_left_out() -> None:
    street = Street(SceneSpec())
    scores = [score for index in range(150) for score in street.truth(index).scores]
    assert max(scores) == 1
    assert 0 < min(scores) < 0.2


def test_tracks_keep_their_id_and_move_smoothly() -> None:
    street = Street(SceneSpec())
    for index in range(100):
        now, after = street.truth(index), street.truth(index + 1)
        for row, track_id in enumerate(now.track_ids if now.track_ids is not None else ()):
            assert after.track_ids is not None
            there = np.flatnonzero(after.track_ids == track_id)
            if there.size and now.class_ids[row] == 0:
                step = np.abs(after.xyxy[there[0]] - now.xyxy[row])
                assert after.class_ids[there[0]] == 0
                assert step[3] <= 12 and step[0] <= 25


def test_who_comes_back_is_a_new_track() -> None:
    street = Street(SceneSpec())
    early, late = street.truth(0).track_ids, street.truth(2000).track_ids
    assert early is not None and late is not None
    assert not set(early) & set(late)


def test_people_are_tall_enough_for_the_people_detector() -> None:
    truth = Street(SceneSpec()).truth(0)
    whole = (truth.class_ids == 0) & (truth.scores > 0.99)
    assert whole.any()
    assert (truth.xyxy[whole, 3] - truth.xyxy[whole, 1] >= 110).all()


def test_opencv_finds_most_people() -> None:
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())  # type: ignore[attr-defined]
    found = wanted = wrong = 0
    for index in range(0, 300, 15):
        street = Street(SceneSpec(seed=index % 2))
        truth = street.truth(index)
        people = truth.xyxy[truth.class_ids == 0]
        clear = truth.xyxy[(truth.class_ids == 0) & (truth.scores > 0.6)]
        xywh, _ = detector.detectMultiScale(
            street.render(index), hitThreshold=0.3, winStride=(8, 8), scale=1.05
        )
        x, y, w, h = np.asarray(xywh, float).reshape(-1, 4).T
        boxes = np.stack([x + 0.15 * w, y + 0.05 * h, x + 0.85 * w, y + 0.95 * h], axis=1)
        found += int((pairwise_iou(clear, boxes).max(axis=1, initial=0) >= 0.4).sum())
        wrong += int((pairwise_iou(boxes, people).max(axis=1, initial=0) < 0.2).sum())
        wanted += len(clear)
    assert found / wanted > 0.65
    assert wrong < 0.1 * wanted


def test_a_sprite_is_cut_at_the_edges_and_nowhere_else() -> None:
    canvas = Canvas(1, 1, 20)
    canvas.disc((0, 0.5), (0.4, 0.4), (10, 200, 30))
    sprite = canvas.sprite()
    frame = np.zeros((30, 30, 3), np.uint8)
    blend(frame, sprite, (0, 20))
    assert frame[10, 0].tolist() != [0, 0, 0]
    assert not frame[:, 10:].any()
    blend(frame, sprite, (500, 500))
    there, here = overlap((30, 30), sprite, (-500, 20))
    assert frame[there].size == 0 and sprite.silhouette[here].size == 0


def test_mirrored_is_its_own_inverse() -> None:
    canvas = Canvas(2, 1, 20)
    canvas.limb(((-0.5, 0.2), (0.8, 0.7)), (0.1, 0.05), (10, 200, 30))
    sprite = canvas.sprite()
    twice = sprite.mirrored().mirrored()
    assert np.array_equal(twice.paint, sprite.paint) and twice.foot_xy == sprite.foot_xy
    assert not np.array_equal(sprite.mirrored().silhouette, sprite.silhouette)
