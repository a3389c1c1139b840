"""Places in the image of a source: polygons and lines, in pixels or in fractions of the image.

Coordinates from 0 to 1 are fractions of the image's width and height; if any is above 1, all are
pixels of the first image that the source shows, and are scaled if its size changes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

from streamdet.analytics.options import BoxPoint
from streamdet.config.options import Options
from streamdet.errors import ConfigError
from streamdet.frame import Frame
from streamdet.messages import FrameMessage

Point = tuple[float, float]
Points = tuple[Point, ...]
XY = npt.NDArray[np.float64]

PLACE_NAME: Final = r"^\S(.{0,38}\S)?$"
PlaceName = Annotated[str, Field(pattern=PLACE_NAME)]


def _checked_points(points: Points) -> Points:
    """Refuse coordinates that cannot lie in an image.

    Raises:
        ValueError: a predicate.
    """
    if low := [point for point in points if min(point) < 0]:
        raise ValueError(f"lies outside the image: {_text(low)} is below 0")
    values = [value for point in points for value in point]
    if max(values, default=0) > 1 and any(0 < value < 1 for value in values):
        raise ValueError(
            f"mixes fractions and pixels, got {_text(points)}: from 0 to 1 is the whole image, and"
            " a fraction above 1 lies outside it"
        )
    return points


def _text(points: Sequence[Point]) -> str:
    return ", ".join(f"[{x:g}, {y:g}]" for x, y in points)


def _checked_polygon(points: Points) -> Points:
    if len(points) < 3:
        raise ValueError(f"must have at least 3 points, got {len(points)}")
    if reason := polygon_fault(points):
        raise ValueError(reason)
    return points


def _checked_line(points: Points) -> Points:
    if len(points) != 2 or points[0] == points[1]:
        raise ValueError(f"must have 2 different points, got {_text(points)}")
    return points


Polygon = Annotated[Points, AfterValidator(_checked_points), AfterValidator(_checked_polygon)]
Line = Annotated[Points, AfterValidator(_checked_points), AfterValidator(_checked_line)]


def polygon_fault(points: Points) -> str:
    """Say what keeps points from being the corners of an area; "" for nothing."""
    from shapely import Polygon as ShapelyPolygon
    from shapely import is_valid_reason

    area = ShapelyPolygon(points)
    if not area.area:
        return f"must enclose an area, got {_text(points)}"
    reason = str(is_valid_reason(area))
    if reason == "Valid Geometry":
        return ""
    if reason.startswith("Self-intersection"):
        x, y = map(float, reason.partition("[")[2].rstrip("]").split())
        return f"must not cross itself, it does at {_text([(x, y)])}"
    return "must enclose an area without touching itself"


class PlaceOptions(Options):
    """What every place may say."""

    source: str | tuple[str, ...] | None = Field(
        None, description="The source, or sources, that it is in; by default every one."
    )
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the classes that count; by default all."
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that are named; () for all."""
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, str) else self.source

    def is_in(self, source_id: str) -> bool:
        """Whether it is a place of a source."""
        return not self.sources or source_id in self.sources


def pixels(points: Points, frame: Frame, first_hw: tuple[int, int], name: str) -> XY:
    """Say where points lie in a frame.

    Args:
        points: fractions, or pixels of an image of size `first_hw`.
        frame: the frame.
        first_hw: height and width of the source's first frame.
        name: of the place, for the error.

    Returns:
        (N, 2) float64, pixels of the frame.

    Raises:
        ConfigError: pixels lie outside the image.
    """
    xy = np.array(points, np.float64)
    width_height = np.array(frame.hw[::-1], np.float64)
    if xy.max() <= 1:
        return xy * width_height
    limits = np.array(first_hw[::-1], np.float64)
    if outside := [point for point in xy.tolist() if (np.array(point) > limits).any()]:
        x, y = outside[0]
        raise ConfigError(
            f"{name} lies outside the image of {frame.source_id}: [{x:g}, {y:g}] in an image of"
            f" {limits[0]:g}x{limits[1]:g} (width x height) pixels; fractions from 0 to 1 fit any"
        )
    return xy * (width_height / limits)


def box_points(message: FrameMessage, point: BoxPoint) -> XY:
    """Return the point of each object's box that counts, (N, 2) float64 source pixels."""
    found = message.detections
    if found is None:
        return np.zeros((0, 2))
    x1, y1, x2, y2 = found.xyxy.astype(np.float64).T
    y = {"bottom_center": y2, "center": (y1 + y2) / 2, "top_center": y1}[point]
    return np.stack([(x1 + x2) / 2, y], axis=1)
