"""A second network on the objects of the first: each is cut out of the source image, and seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.looks import LookOptions, Looks, Seen
from streamdet.analytics.options import Fault, Surroundings
from streamdet.detections import Detections
from streamdet.errors import EngineError
from streamdet.image import Image, Pixels
from streamdet.messages import FrameMessage
from streamdet.models.model_config import Hw, ImageInput
from streamdet.registry import load
from streamdet.runtimes import Runtime, RuntimeOptions, Tensors

_LEAST_SIDE: Final = 2.0
"""Pixels. Of a smaller box nothing can be seen."""


class NetworkLookOptions(LookOptions):
    """Options of analytics that look at objects by a network of the user's."""

    network: Path = Field(description="The network, an ONNX file with one image input.")
    input: ImageInput = Field(
        description="How it wants its image: {name: input, hw: [64, 64], colour: rgb, mean: [...],"
        " std: [...]}."
    )
    output: str | None = Field(
        None, description="The output that counts, where the network has several."
    )
    threads: int = Field(1, ge=1, le=64, description="CPU threads of the network.")

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown classes, and a network that is not there."""
        yield from super().faults(surroundings)
        if not self.network.expanduser().is_file():
            yield ("network",), f"must be an ONNX file, got {str(self.network)!r}: there is none"


class NetworkLooks:
    """What a network sees of the objects of one source.

    Args:
        options: of the node.
        context: of the source.
        read: makes of an output, flat, what is seen of an object; always of the same length.
        min_score: of an object, below which it is not looked at.

    Raises:
        EngineError: the network cannot be loaded.
    """

    def __init__(
        self,
        options: NetworkLookOptions,
        context: AnalyticsContext,
        read: Callable[[npt.NDArray[np.float64]], Seen],
        min_score: float = 0.0,
    ) -> None:
        self._options = options
        self._context = context
        self._read = read
        self._min_score = min_score
        self._looks = Looks(options)
        self._network = _loaded(options.network.expanduser(), options.input, options.threads)
        self.state = self._looks.state
        self.restore = self._looks.restore

    def length(self) -> int:
        """Find out how many numbers the network gives for an object."""
        (outputs,) = self._network([np.zeros((*self._options.input.hw, 3), np.uint8)])
        return len(self._output(outputs))

    def means(
        self, frame: FrameMessage, found: Detections, image: Image | None
    ) -> list[Seen | None]:
        """Look at the objects that are due, and say what is known of all: see `Looks.add`.

        Args:
            frame: the frame.
            found: its objects.
            image: its image; None where it is lost: then nothing new is seen.

        Raises:
            EngineError: the network's output is not as wanted.
        """
        rows = [] if image is None else self._due(frame, found)
        seen: dict[int, Seen] = {}
        if rows and image is not None:
            seen = dict(zip(rows, self._see(image.bgr(), found.xyxy[rows]), strict=True))
        return self._looks.add(frame.index, self._context.seconds(frame.frame), found, seen)

    def _due(self, frame: FrameMessage, found: Detections) -> list[int]:
        wanted = self._context.class_ids(frame.model, self._options.classes)
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).min(axis=1)

        def fits(row: int) -> bool:
            is_wanted = wanted is None or int(found.class_ids[row]) in wanted
            is_sure = found.scores[row] >= self._min_score
            return bool(is_wanted and is_sure and sides[row] >= _LEAST_SIDE)

        return self._looks.due(frame.index, found, fits)

    def _see(self, bgr: Pixels, xyxy: npt.NDArray[np.float32]) -> list[Seen]:
        options = self._options
        crops = [crop(bgr, box, options.input.hw, options.margin) for box in xyxy.tolist()]
        return [self._read(self._output(outputs)) for outputs in self._network(crops)]

    def _output(self, outputs: Tensors) -> npt.NDArray[np.float64]:
        name = self._options.output or next(iter(outputs))
        if name not in outputs:
            raise EngineError(
                f"{self._options.network}: has no output {name!r}; it has {', '.join(outputs)}"
            )
        return outputs[name].astype(np.float64).ravel()


def crop(bgr: Pixels, xyxy: Sequence[float], hw: Hw, margin: float) -> Pixels:
    """Cut a box and its margin out of an image, as far as it lies inside, and stretch it.

    Args:
        bgr: (H, W, 3) uint8.
        xyxy: the box, pixels.
        hw: height and width of the result.
        margin: share of the box's sides, added on each side.
    """
    import cv2

    x1, y1, x2, y2 = xyxy
    dx, dy = margin * (x2 - x1), margin * (y2 - y1)
    height, width = bgr.shape[:2]
    left, top = (max(0, min(round(edge), size - 1))
                 for edge, size in ((x1 - dx, width), (y1 - dy, height)))  # fmt: skip
    right, bottom = max(left + 1, round(x2 + dx)), max(top + 1, round(y2 + dy))
    part = bgr[top:bottom, left:right]
    shrinks = part.shape[0] * part.shape[1] > hw[0] * hw[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (hw[1], hw[0]), interpolation=how), np.uint8)


@lru_cache(maxsize=16)
def _loaded(network: Path, image_input: ImageInput, threads: int) -> Runtime:
    """Load a network into ONNX Runtime, once in a process, however many sources there are."""
    made: Runtime = load("runtime", "onnxruntime")(
        network, image_input, RuntimeOptions(threads=threads)
    )
    return made
