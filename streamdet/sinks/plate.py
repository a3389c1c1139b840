"""A line of text on a plate of one colour."""

from __future__ import annotations

from dataclasses import dataclass

from streamdet.sinks.pen import DARK, WHITE, Color, Pen
from streamdet.sinks.yuv_image import Surface


@dataclass(frozen=True, slots=True)
class Plate:
    """A text and the plate that it stands on.

    Attributes:
        text: the text.
        hw: height and width of the plate, pixels, even.
        text_height: of its capitals, pixels.
    """

    text: str
    hw: tuple[int, int]
    text_height: int

    @classmethod
    def of(cls, text: str, pen: Pen) -> Plate:
        """Measure a text."""
        import cv2

        (width, height), base = cv2.getTextSize(
            text, cv2.FONT_HERSHEY_SIMPLEX, pen.font_scale, pen.stroke
        )
        plate_hw = height + base // 2 + 2 * pen.margin, width + 2 * pen.margin
        return cls(text, (plate_hw[0] + plate_hw[0] % 2, plate_hw[1] + plate_hw[1] % 2), height)

    def draw(self, image: Surface, place: tuple[int, int], color: Color, pen: Pen) -> None:
        """Draw it with its left and top, even numbers, at `place`."""
        left, top = place
        image.fill((left, top, left + self.hw[1], top + self.hw[0]), color)
        origin = left + pen.margin, top + pen.margin + self.text_height
        image.write(self.text, origin, _ink(color), pen)


def _ink(color: Color) -> Color:
    blue, green, red = color
    return DARK if 0.114 * blue + 0.587 * green + 0.299 * red > 120 else WHITE
