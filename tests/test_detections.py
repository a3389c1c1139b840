"""What a detector or tracker says of one frame."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections, FrameMasks, Rows
from streamdet.errors import ConfigError


def two(track_ids: list[int] | None = None) -> Detections:
    return Detections(
        np.array([[0, 0, 1, 1], [2, 2, 4, 4]], np.float32),
        np.array([0.5, 0.9], np.float32),
        np.array([0, 3]),
        None if track_ids is None else np.array(track_ids),
    )


def test_it_counts_its_objects() -> None:
    assert (len(Detections.empty()), len(two())) == (0, 2)


def test_a_mask_or_rows_select_every_column() -> None:
    found = two([7, 8])
    by_mask, by_rows = found[np.array([False, True])], found[np.array([1])]
    for one in (by_mask, by_rows):
        assert one.xyxy.tolist() == [[2, 2, 4, 4]]
        assert one.class_ids.tolist() == [3]
        assert one.track_ids is not None
        assert one.track_ids.tolist() == [8]


def test_columns_get_their_dtypes() -> None:
    found = two([1, 2])
    assert [found.xyxy.dtype.name, found.scores.dtype.name] == ["float32", "float32"]
    assert found.class_ids.dtype.name == "int64"


@pytest.mark.parametrize("shape", [(4,), (2, 3), (0,)])
def test_boxes_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="xyxy must be"):
        Detections(np.zeros(shape, np.float32), np.zeros(2, np.float32), np.zeros(2, np.int64))


def test_rows_select_masks_keypoints_and_mask_probs_too() -> None:
    probs = np.stack([np.zeros((3, 3), np.float32), np.ones((3, 3), np.float32)])
    found = replace(
        two(),
        masks=FrameMasks((4, 5), (b"first", b"second")),
        keypoints=np.arange(12, dtype=np.float32).reshape(2, 2, 3),
        mask_probs=probs,
    )
    for rows in (np.array([False, True]), np.array([1]), slice(1, None)):
        one = found[rows]
        assert one.masks == FrameMasks((4, 5), (b"second",))
        assert one.keypoints is not None
        assert one.keypoints.tolist() == [[[6, 7, 8], [9, 10, 11]]]
        assert one.mask_probs is not None
        assert one.mask_probs.tolist() == [[[1, 1, 1]] * 3]


def test_boxes_and_keypoints_move_and_point_scores_stay() -> None:
    found = replace(two(), keypoints=np.array([[[1, 2, 0.5]], [[3, 4, 9]]], np.float32))
    moved = found.moved(lambda coordinates: coordinates * 2)
    assert moved.xyxy.tolist() == [[0, 0, 2, 2], [4, 4, 8, 8]]
    assert moved.keypoints is not None
    assert moved.keypoints.tolist() == [[[2, 4, 0.5]], [[6, 8, 9]]]
    assert two().moved(lambda coordinates: coordinates * 2).keypoints is None


def test_objects_have_no_masks_and_keypoints_unless_given() -> None:
    for found in (two(), two()[np.array([0])], Detections.empty()):
        assert (found.masks, found.keypoints, found.mask_probs) == (None, None, None)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("masks", FrameMasks((4, 5), (b"one",)), "masks must be of 2 objects, got 1"),
        ("keypoints", np.zeros((2, 17)), r"keypoints must be \(2, K, 3\), got \(2, 17\)"),
        ("keypoints", np.zeros((1, 17, 3)), r"keypoints must be \(2, K, 3\), got \(1, 17, 3\)"),
        ("keypoints", np.zeros((2, 17, 2)), r"keypoints must be \(2, K, 3\), got \(2, 17, 2\)"),
        ("mask_probs", np.zeros((2, 28)), r"mask_probs must be \(2, M, M\), got \(2, 28\)"),
        ("mask_probs", np.zeros((3, 9, 9)), r"mask_probs must be \(2, M, M\), got \(3, 9, 9\)"),
        ("mask_probs", np.zeros((2, 9, 8)), r"mask_probs must be \(2, M, M\), got \(2, 9, 8\)"),
    ],
)
def test_masks_and_keypoints_of_other_shapes_are_refused(
    column: str, value: Any, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(two(), **{column: value})


@pytest.mark.parametrize("column", ["scores", "class_ids", "track_ids"])
def test_columns_of_another_length_are_refused(column: str) -> None:
    columns: dict[str, Any] = {
        "scores": np.zeros(2, np.float32),
        "class_ids": np.zeros(2, np.int64),
        "track_ids": np.zeros(2, np.int64),
    }
    columns[column] = columns[column][:1]
    with pytest.raises(ValueError, match=rf"{column} must be \(2,\), got \(1,\)"):
        Detections(np.zeros((2, 4), np.float32), **columns)


def test_labels_are_the_names_of_the_classes_or_their_numbers() -> None:
    assert two().labels(("person", "car")) == ["person", "3"]


def test_masks_come_back_from_arrays() -> None:
    masks = np.zeros((2, 3, 4), np.bool_)
    masks[0, 1, 2] = masks[1, :, 0] = True
    coded = FrameMasks.of_arrays(masks)
    assert (coded.hw, len(coded)) == ((3, 4), 2)
    np.testing.assert_array_equal(coded.decoded(), masks)


def test_supervision_gets_every_column_and_gives_it_back() -> None:
    supervision = pytest.importorskip("supervision")
    masks = np.zeros((2, 3, 4), np.bool_)
    masks[0, 1, 2] = masks[1, :, 0] = True
    ours = replace(two([7, 8]), masks=FrameMasks.of_arrays(masks))
    theirs = ours.to_supervision(("person", "dog", "cat", "car"))
    assert isinstance(theirs, supervision.Detections)
    assert theirs.xyxy.tolist() == [[0, 0, 1, 1], [2, 2, 4, 4]]
    assert theirs.tracker_id.tolist() == [7, 8]
    assert theirs.data["class_name"].tolist() == ["person", "car"]
    np.testing.assert_array_equal(theirs.mask, masks)
    again = Detections.from_supervision(theirs)
    for column in ("xyxy", "scores", "class_ids", "track_ids"):
        np.testing.assert_array_equal(getattr(again, column), getattr(ours, column))
    assert again.masks == ours.masks


def test_no_objects_go_to_supervision_and_come_back() -> None:
    pytest.importorskip("supervision")
    assert len(Detections.from_supervision(Detections.empty().to_supervision(("person",)))) == 0


def test_supervision_without_scores_is_refused() -> None:
    supervision = pytest.importorskip("supervision")
    drawn = supervision.Detections(xyxy=np.array([[0.0, 0.0, 1.0, 1.0]]))
    with pytest.raises(ValueError, match="wanted detections with confidence and class_id"):
        Detections.from_supervision(drawn)


def test_supervision_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ConfigError, match="supervision is not installed: pip install supervision"):
        two().to_supervision()


def test_zones_and_speeds_go_with_their_objects() -> None:
    found = replace(two(), zones=(("yard",), ()), speeds=np.array([1.5, 2.5]))
    last = found[np.array([1])]
    assert last.zones == ((),)
    assert last.speeds is not None
    assert last.speeds.tolist() == [2.5]
    assert last.with_others(found).zones == ((), ("yard",), ())
    with pytest.raises(ValueError, match="zones must be of 2 objects, got 1"):
        replace(two(), zones=((),))
    with pytest.raises(ValueError, match=r"speeds must be \(2,\), got \(1,\)"):
        replace(two(), speeds=np.zeros(1, np.float32))


def test_attributes_go_with_their_objects() -> None:
    found = replace(two(), attributes=({"colour": "red"}, {}))
    assert found[np.array([False, True])].attributes == ({},)
    assert found.with_others(found[:1]).attributes == ({"colour": "red"}, {}, {"colour": "red"})
    with pytest.raises(ValueError, match="attributes must be of 2 objects, got 1"):
        replace(two(), attributes=({},))


def test_who_says_nothing_of_filled_objects_was_found() -> None:
    filled = replace(two(), interpolated=np.array([True, False]))
    both = filled.with_others(two()).interpolated
    assert both is not None
    assert both.tolist() == [True, False, False, False]
    last = two().with_others(filled)[np.array([2, 0])].interpolated
    assert last is not None
    assert last.tolist() == [True, False]
    assert two().with_others(two()).interpolated is None
    with pytest.raises(ValueError, match=r"interpolated must be \(2,\), got \(1,\)"):
        replace(two(), interpolated=np.zeros(1, np.bool_))


def test_parents_are_numbered_as_their_objects_are_selected() -> None:
    four = two().with_others(two())
    found = replace(four, parents=np.array([-1, -1, 1, 2]))
    cases: list[tuple[Rows, list[int]]] = [
        (np.array([1, 2, 3]), [-1, 0, 1]),
        (np.array([3, 2, 1, 0]), [1, 2, -1, -1]),
        (np.array([True, False, True, True]), [-1, -1, 1]),  # the parent of the second is gone
        (slice(0, 0), []),
    ]
    for rows, expected in cases:
        selected = found[rows].parents
        assert selected is not None
        assert selected.tolist() == expected
    for wrong in ([-2, 0], [0, 2]):
        with pytest.raises(ValueError, match="parents must be rows of 2 objects, or -1"):
            replace(two(), parents=np.array(wrong))
    with pytest.raises(ValueError, match=r"parents must be \(2,\), got \(1,\)"):
        replace(two(), parents=np.array([-1]))
