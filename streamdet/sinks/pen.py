"""Line widths, font sizes and neutral colours for drawing."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]
"""Blue, green, red, 0..255."""

SMALL_SIDE = 400
"""Pixels of the shorter side below which boxes have no rim and labels do not say the score."""

WHITE: Color = (255, 255, 255)
DARK: Color = (24, 24, 24)


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes for an image.

    Attributes:
        line: thickness of a box, pixels, even.
        is_outlined: whether boxes have a dark rim of a pixel; on small images it hides too much.
        font_scale: of OpenCV's Hershey simplex font.
        stroke: thickness of its strokes, pixels.
        margin: pixels around a text.
    """

    line: int
    is_outlined: bool
    font_scale: float
    stroke: int
    margin: int

    @classmethod
    def for_image(cls, hw: tuple[int, int]) -> Pen:
        """Choose by the shorter side."""
        side = min(hw)
        scale = max(0.33, side / 1400)
        return cls(
            line=max(2, 2 * round(side / 480)),
            is_outlined=side >= SMALL_SIDE,
            font_scale=scale,
            stroke=max(1, round(scale * 2.2)),
            margin=max(2, round(scale * 6)),
        )
