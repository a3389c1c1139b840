"""A kernel at work: what it is given, what must come out, and what torchvision has for it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from streamdet.kernels.launch import Launch


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is to do; the defaults are a detector's on a 1080p camera.

    Attributes:
        boxes: candidates of an image.
        regions: of an image.
        channels: of feature maps.
        image_hw: whose maps they are, pixels.
        frame_hw: of a camera, pixels.
        frames: prepared one after the other, each from memory of its own.
        input_hw: of a network.
    """

    boxes: int = 5000
    regions: int = 1000
    channels: int = 256
    image_hw: tuple[int, int] = (800, 1344)
    frame_hw: tuple[int, int] = (1080, 1920)
    frames: int = 32
    input_hw: tuple[int, int] = (640, 640)


SMALL: Final = Sizes(300, 12, 9, (160, 192), (90, 160), 2, (64, 96))
"""For a CPU that plays a GPU."""


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel with its arrays.

    Attributes:
        file: of engines/kernels.
        launches: the work.
        check: raises AssertionError if what came out is not what must.
        agreement: what `check` asks for, in words.
        moved: bytes that must be read and written at least.
        theirs: the same by torchvision, on the same arrays; None where it has nothing like it.
        held: arrays that must not be freed before.
    """

    file: str
    launches: Sequence[Launch]
    check: Callable[[], None]
    agreement: str
    moved: int
    theirs: Callable[[], object] | None
    held: tuple[Any, ...]


def torchvision() -> Any:
    """Torchvision where it can be imported, else None."""
    with suppress(ImportError, RuntimeError, OSError):  # made for another torch, it raises them
        return importlib.import_module("torchvision")
    return None


def moved(*tensors: Tensor) -> int:
    """Bytes of arrays."""
    return sum(each.numel() * each.element_size() for each in tensors)
