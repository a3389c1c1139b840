"""Shortest edge: keep the aspect ratio, bring the shorter side to a length, pad nothing."""

from __future__ import annotations

from pydantic import Field, model_validator

from streamdet.config.options import Options
from streamdet.frame import Geometry
from streamdet.image import DevicePixels, Image, Pixels
from streamdet.kernels.launch import Launch
from streamdet.transforms.resample import Resample, Side, resample_into, resize_launches


class ShortestEdgeOptions(Options):
    """Options of `ShortestEdge`."""

    shortest_edge: Side = Field(800, description="Length of the shorter side, pixels.")
    longest_edge: Side = Field(1333, description="Limit of the longer side, pixels.")
    resample: Resample = "bilinear"

    @model_validator(mode="after")
    def _limit_holds_the_edge(self) -> ShortestEdgeOptions:
        if self.longest_edge < self.shortest_edge:
            raise ValueError(
                f"longest_edge {self.longest_edge} is less than shortest_edge {self.shortest_edge}"
            )
        return self


class ShortestEdge:
    """Resizes as detectron2's ResizeShortestEdge does (sides rounded to the nearest pixel).

    Torchvision's detection transform follows the same rule but rounds down.
    """

    Options = ShortestEdgeOptions
    pixel_format = "bgr24"

    def __init__(self, options: ShortestEdgeOptions) -> None:
        """Take the checked options."""
        self._options = options

    @property
    def max_output_hw(self) -> tuple[int, int]:
        """An image whose sides are both at their limit."""
        return self._options.shortest_edge, self._options.longest_edge

    def output_hw(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what comes out of an image of `hw`; no side is below 1 pixel."""
        ratio = min(
            self._options.shortest_edge / max(min(hw), 1),
            self._options.longest_edge / max(*hw, 1),
        )
        return max(int(hw[0] * ratio + 0.5), 1), max(int(hw[1] * ratio + 0.5), 1)

    def __call__(self, image: Image, out: Pixels) -> Geometry:
        """Resize the image into `out`, (*output_hw, 3) uint8, and say how boxes map back.

        Raises:
            FrameError: the image is empty.
        """
        return resample_into(image, out, self._options.resample)

    def launches(self, image: DevicePixels, out: DevicePixels) -> tuple[Geometry, list[Launch]]:
        """Say how a GPU does the same: see transforms.KernelTransform."""
        return resize_launches(image, out)
