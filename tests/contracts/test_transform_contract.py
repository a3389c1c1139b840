"""What every transform promises, whatever its kind."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.errors import FrameError
from streamdet.image import ArrayImage, Pixels
from streamdet.registry import KINDS, load
from streamdet.transforms import Transform

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "letterbox": [{"hw": (96, 128)}, {"hw": (96, 128), "anchor": "centre"}],
    "shortest_edge": [{"shortest_edge": 96, "longest_edge": 160}],
    "stretch": [{"hw": (96, 128)}],
}
CASES = [(kind, options) for kind in KINDS["transform"] for options in OPTIONS[kind]]
every_kind = pytest.mark.parametrize(("kind", "options"), CASES)


def made(kind: str, options: dict[str, Any], **more: Any) -> Transform:
    transform_class = load("transform", kind)
    transform: Transform = transform_class(transform_class.Options(**options, **more))
    return transform


def slot(transform: Transform, hw: tuple[int, int]) -> Pixels:
    return np.full((*transform.output_hw(hw), 3), 33, dtype=np.uint8)


@every_kind
def test_it_says_how_its_pixels_lie(kind: str, options: dict[str, Any]) -> None:
    assert load("transform", kind).pixel_format in KINDS["pixel_format"]


@every_kind
@settings(max_examples=40, deadline=None)
@given(hw=st.tuples(st.integers(1, 400), st.integers(1, 400)), data=st.data())
def test_boxes_map_there_and_back(
    kind: str, options: dict[str, Any], hw: tuple[int, int], data: st.DataObject
) -> None:
    transform = made(kind, options)
    geometry = transform(ArrayImage(np.zeros((*hw, 3), dtype=np.uint8)), slot(transform, hw))
    corners = st.floats(0, 400, width=32)
    xyxy = np.array([data.draw(st.tuples(*[corners] * 4))], dtype=np.float32)
    np.testing.assert_allclose(geometry.to_source(geometry.to_prepared(xyxy)), xyxy, atol=0.05)


@every_kind
@pytest.mark.parametrize("resample", ["bilinear", "swscale"])
@pytest.mark.parametrize("hw", [(180, 320), (300, 200), (57, 61)])
def test_a_white_rectangle_lies_where_the_geometry_says(
    kind: str, options: dict[str, Any], resample: str, hw: tuple[int, int]
) -> None:
    image = np.zeros((*hw, 3), dtype=np.uint8)
    xyxy = np.array([[12, 20, 45, 50]], dtype=np.float32)
    image[20:50, 12:45] = 255
    transform = made(kind, options, resample=resample)
    out = slot(transform, hw)
    geometry = transform(ArrayImage(image), out)
    rows, columns = np.nonzero(out[..., 0] > 128)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(geometry.to_prepared(xyxy)[0], found, atol=1.0)


@every_kind
@settings(max_examples=60, deadline=None)
@given(hw=st.tuples(st.integers(1, 8000), st.integers(1, 8000)))
def test_no_output_is_larger_than_the_slot(
    kind: str, options: dict[str, Any], hw: tuple[int, int]
) -> None:
    transform = made(kind, options)
    height, width = transform.output_hw(hw)
    largest = transform.max_output_hw
    assert 1 <= height * width <= largest[0] * largest[1]


@every_kind
def test_every_pixel_of_the_slot_is_written(kind: str, options: dict[str, Any]) -> None:
    transform = made(kind, options)
    out = slot(transform, (50, 70))
    transform(ArrayImage(np.full((50, 70, 3), 200, dtype=np.uint8)), out)
    assert set(np.unique(out)) <= {200, 114}


@every_kind
@pytest.mark.parametrize("hw", [(0, 5), (5, 0), (0, 0)])
def test_an_empty_image_is_a_frame_error(
    kind: str, options: dict[str, Any], hw: tuple[int, int]
) -> None:
    transform = made(kind, options)
    with pytest.raises(FrameError, match="the image is empty"):
        transform(ArrayImage(np.zeros((*hw, 3), dtype=np.uint8)), slot(transform, hw))
