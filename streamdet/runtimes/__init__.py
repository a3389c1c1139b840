"""What runs an exported network: named tensors in, named tensors out. One runtime is one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels

Tensors = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ImageInput:
    """How a network wants its picture; a runtime may bake this into the network.

    The network sees ((picture in `colour` order) - mean) / std as (1, 3, H, W) float32.

    Attributes:
        name: name of the network's input.
        hw: height and width, pixels.
        colour: "bgr" or "rgb".
        mean: per channel, in `colour` order, 0..255 units.
        std: per channel, in `colour` order.
    """

    name: str
    hw: tuple[int, int]
    colour: str = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Runtime(Protocol):
    """A loaded network with one picture input.

    Attributes:
        name: what really runs: runtime, version, precision, threads.
    """

    name: str

    def __call__(self, images: Sequence[Pixels]) -> list[Tensors]:
        """Run the network on each picture, (H, W, 3) uint8 BGR, and return its outputs by name.

        Raises:
            EngineError: the runtime failed.
        """
        ...
