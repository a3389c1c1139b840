"""Frames and how their pixels map."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamdet.frame import Frame, Geometry

EDGES = st.floats(-1e4, 1e4, width=32)
BOXES = st.lists(st.tuples(EDGES, EDGES, EDGES, EDGES), max_size=5)
SCALES = st.floats(0.01, 100)
OFFSETS = st.floats(-1000, 1000)


def frame(pts: int | None, time_base: Fraction) -> Frame:
    return Frame("cam", 0, pts, time_base, 1, (4, 4), 0)


def test_pts_ns_counts_nanoseconds_of_the_time_base() -> None:
    assert frame(3, Fraction(1, 90_000)).pts_ns == 33_333  # 3 / 90000 s, rounded down
    assert frame(-1, Fraction(1, 2)).pts_ns == -500_000_000


def test_a_frame_without_pts_has_no_pts_ns() -> None:
    assert frame(None, Fraction(1, 25)).pts_ns is None


def test_geometry_scales_and_then_moves() -> None:
    geometry = Geometry(scale_xy=(0.5, 2.0), offset_xy=(10.0, 0.0))
    prepared = geometry.to_prepared(np.array([[20, 1, 40, 3]], np.float32))
    assert prepared.tolist() == [[20.0, 2.0, 30.0, 6.0]]


def test_geometry_maps_points_as_the_corners_of_boxes() -> None:
    geometry = Geometry(scale_xy=(0.5, 2.0), offset_xy=(10.0, 0.0))
    corners = np.array([[[20, 1], [40, 3]]], np.float32)
    assert geometry.to_prepared(corners).tolist() == [[[20.0, 2.0], [30.0, 6.0]]]
    np.testing.assert_array_equal(geometry.to_source(geometry.to_prepared(corners)), corners)


@given(BOXES, SCALES, SCALES, OFFSETS, OFFSETS)
def test_to_source_is_the_inverse_of_to_prepared(
    boxes: list[tuple[float, ...]], sx: float, sy: float, ox: float, oy: float
) -> None:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    geometry = Geometry((sx, sy), (ox, oy))
    back = geometry.to_source(geometry.to_prepared(xyxy))
    # Prepared boxes are float32: what is lost there grows when it is scaled back.
    lost = 1e-6 * (np.abs(xyxy).max(initial=0) + max(abs(ox), abs(oy)) / min(sx, sy)) + 1e-3
    np.testing.assert_allclose(back, xyxy, atol=float(lost), rtol=1e-5)
