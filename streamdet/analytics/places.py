"""Places in the image of a source: polygons and lines, in pixels or in fractions of the image.

Coordinates from 0 to 1 are fractions of the image's width and height; if any is above 1, all are
pixels of the first image that the source shows, and are scaled if its size changes later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

from streamdet.analytics.options import BoxPoint, Point, Points
from streamdet.config.options import Options
from streamdet.errors import ConfigError, to_install
from streamdet.events import EventPlace
from streamdet.frame import Frame
from streamdet.messages import FrameMessage

XY = npt.NDArray[np.float64]

PLACE_NAME: Final = r"^\S(.{0,38}\S)?$"


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("must be printable")
    return name


PlaceName = Annotated[str, Field(pattern=PLACE_NAME), AfterValidator(_printable)]


def checked_points(points: Points) -> Points:
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


Polygon = Annotated[Points, AfterValidator(checked_points), AfterValidator(_checked_polygon)]
Line = Annotated[Points, AfterValidator(checked_points), AfterValidator(_checked_line)]


def polygon_fault(points: Points) -> str:
    """Say what keeps points from being the corners of an area; "" for nothing."""
    try:
        from shapely import Polygon as ShapelyPolygon
        from shapely import is_valid_reason
    except ImportError:
        return f"needs shapely: {to_install('zones')}"
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

    def as_event_place(self, what: str, name: str) -> EventPlace:
        """Say what of it events may name."""
        return EventPlace(what, name, self.sources, self.classes or ())


class PixelPlaces:
    """The places of a node in the pixels of one source's frames.

    Attributes:
        xy: key of a place (zones.yard.polygon) -> its points, (N, 2) float64, pixels.
        first_hw: height and width of the source's first frame; None before it. All that a later
            process must know.
    """

    def __init__(self, points: Mapping[str, Points], node: str) -> None:
        """Remember the points, by key, and the node for errors."""
        self.xy: dict[str, XY] = {}
        self.first_hw: tuple[int, int] | None = None
        self._points = points
        self._node = node
        self._hw: tuple[int, int] | None = None

    def fit(self, frame: Frame) -> bool:
        """Bring `xy` to the size of a frame; returns whether it has changed.

        Raises:
            ConfigError: pixels lie outside the image.
        """
        if frame.hw == self._hw:
            return False
        height, width = self.first_hw or frame.hw
        first_hw = self.first_hw = height, width
        for key, points in self._points.items():
            if fault := outside(points, frame.source_id, first_hw):
                raise ConfigError(f"{self._node}.{key} {fault}")
            self.xy[key] = _fitted(points, frame.hw, first_hw)
        self._hw = frame.hw
        return True


def _fitted(points: Points, hw: tuple[int, int], first_hw: tuple[int, int]) -> XY:
    xy = np.array(points, np.float64)
    width_height = np.array(hw[::-1], np.float64)
    return xy * (width_height if xy.max() <= 1 else width_height / first_hw[::-1])


def outside(points: Points, source_id: str, hw: tuple[int, int]) -> str:
    """Say that points lie outside an image of a source, as a predicate; "" where they do not."""
    height, width = hw
    for x, y in points:
        if x > width or y > height:
            return (
                f"lies outside the image of {source_id}: [{x:g}, {y:g}] in an image of"
                f" {width}x{height} (width x height) pixels; fractions from 0 to 1 fit any"
            )
    return ""


def box_points(message: FrameMessage, point: BoxPoint) -> XY:
    """Return the point of each object's box that counts, (N, 2) float64 source pixels."""
    found = message.detections
    if found is None:
        return np.zeros((0, 2))
    x1, y1, x2, y2 = found.xyxy.astype(np.float64).T
    y = {"bottom_center": y2, "center": (y1 + y2) / 2, "top_center": y1}[point]
    return np.stack([(x1 + x2) / 2, y], axis=1)
