"""What a detector or tracker says of one frame."""

from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections


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
