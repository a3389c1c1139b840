"""A second network on the objects of the first: what colour, what kind, what is worn.

An object's box is cut out of the source image, stretched to the network's size and classified. The
probabilities of a track are summed over its looks, and the class with the largest mean is its
attribute: one bad look does not change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

import msgpack
import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.options import AnalyticsOptions, Fault, Surroundings
from streamdet.detections import Detections
from streamdet.errors import EngineError
from streamdet.image import Image, Pixels
from streamdet.messages import FrameMessage
from streamdet.models.model_config import Hw, ImageInput
from streamdet.registry import load
from streamdet.runtimes import Runtime, RuntimeOptions, Tensors

Probabilities = npt.NDArray[np.float64]
FORGET_S: Final = 60.0
"""A track that was not seen for this long does not come back: trackers end it sooner."""
_LEAST_SIDE: Final = 2.0
"""Pixels. Of a smaller box nothing can be seen."""


class ClassifyOptions(AnalyticsOptions):
    """Options of `classify`."""

    attribute: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,39}$", description="What it is called in messages: colour."
    )
    network: Path = Field(description="The classifier, an ONNX file with one image input.")
    labels: tuple[str, ...] = Field(
        min_length=2, description="What its outputs mean, in order: [red, green, blue]."
    )
    input: ImageInput = Field(
        description="How it wants its image: {name: input, hw: [64, 64], colour: rgb, mean: [...],"
        " std: [...]}."
    )
    output: str | None = Field(
        None, description="The output with a score for each label; by default the only one."
    )
    softmax: bool = Field(
        True, description="Whether the scores are logits; false: they are probabilities already."
    )
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the classes to look at; by default all."
    )
    every_frames: int = Field(
        10, ge=1, description="A track is looked at again after so many frames, at the earliest."
    )
    most_looks: int = Field(
        4, ge=1, le=100, description="Looks in one frame, at most; the longest unseen come first."
    )
    min_score: float = Field(
        0.5, ge=0, le=1, description="Least mean probability; below it nothing is said."
    )
    margin: float = Field(
        0.0, ge=0, le=1, description="What is seen around the box, as a share of its sides."
    )
    threads: int = Field(1, ge=1, le=64, description="CPU threads of the network.")

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must differ from each other")
        return self

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown classes, and a network that is not there."""
        yield from surroundings.faults((), (), self.classes)
        if not self.network.expanduser().is_file():
            yield ("network",), f"must be an ONNX file, got {str(self.network)!r}: there is none"


@dataclass(slots=True)
class _Known:
    """What is known of a track: when it was last looked at and seen, and the sums of all looks."""

    looked_index: int
    seen_s: float
    looks: int
    sums: list[float]


_values = attrgetter(*(each.name for each in fields(_Known)))  # astuple copies deeply, and is slow


class Classify:
    """Gives objects an attribute by a network of the user's.

    Where there is no tracker, objects are looked at in each frame; where there is one, those
    without a track have no attribute.
    """

    Options = ClassifyOptions
    needs_image = True

    def __init__(self, options: ClassifyOptions, context: AnalyticsContext) -> None:
        """Begin a source; the network is loaded, once in a process.

        Raises:
            EngineError: it cannot be.
        """
        self._options = options
        self._context = context
        self._known: dict[int, _Known] = {}
        self._network = classifier(options.network.expanduser(), options.input, options.threads)

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say what is known of the tracks, without an image."""
        return self.look(frame, None)

    def look(self, frame: FrameMessage, image: Image | None) -> FrameMessage:
        """Look at the objects that are due, and say what is known of all.

        Raises:
            EngineError: the network's output does not fit the labels.
        """
        found = frame.detections
        if found is None:
            return frame
        rows = [] if image is None else self._due(frame, found)
        looks: dict[int, Probabilities] = {}
        if rows and image is not None:
            looks = dict(zip(rows, self._looks(image.bgr(), found.xyxy[rows]), strict=True))
        now_s = self._context.seconds(frame.frame)
        means = [self._mean(track, looks.get(row), frame.index, now_s)
                 for row, track in enumerate(found.tracks())]  # fmt: skip
        self._known = {k: v for k, v in self._known.items() if now_s - v.seen_s <= FORGET_S}
        had = found.attributes or ({},) * len(found)
        attributes = tuple(
            {**old, **self._said(mean)} for old, mean in zip(had, means, strict=True)
        )
        return replace(frame, detections=replace(found, attributes=attributes))

    def state(self) -> bytes:
        """The tracks with what was seen of them."""
        packed: bytes = msgpack.packb([(key, *_values(each)) for key, each in self._known.items()])
        return packed

    def restore(self, state: bytes) -> None:
        """Go on with the tracks."""
        self._known = {key: _Known(*values) for key, *values in msgpack.unpackb(state)}

    def _due(self, frame: FrameMessage, found: Detections) -> list[int]:
        """List the rows to look at, those that were looked at longest ago first."""
        wanted = self._context.class_ids(frame.model, self._options.classes)
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).min(axis=1)
        rows: list[tuple[int, int]] = []
        for row, track in enumerate(found.tracks()):
            is_wanted = wanted is None or int(found.class_ids[row]) in wanted
            is_one = track is not None or found.track_ids is None
            if is_wanted and is_one and sides[row] >= _LEAST_SIDE:
                known = self._known.get(track) if track is not None else None
                looked = known.looked_index if known else -self._options.every_frames
                if frame.index - looked >= self._options.every_frames:
                    rows.append((looked, row))
        return [row for _, row in sorted(rows)[: self._options.most_looks]]

    def _looks(self, bgr: Pixels, xyxy: npt.NDArray[np.float32]) -> list[Probabilities]:
        """Classify boxes."""
        options = self._options
        crops = [crop(bgr, box, options.input.hw, options.margin) for box in xyxy.tolist()]
        return [self._probabilities(outputs) for outputs in self._network(crops)]

    def _probabilities(self, outputs: Tensors) -> Probabilities:
        options = self._options
        name = options.output or next(iter(outputs))
        if name not in outputs:
            raise EngineError(
                f"{options.network}: has no output {name!r}; it has {', '.join(outputs)}"
            )
        scores = outputs[name].astype(np.float64).ravel()
        if len(scores) != len(options.labels):
            raise EngineError(
                f"{options.network}: output {name!r} has {len(scores)} scores, wanted one for each"
                f" of the {len(options.labels)} labels"
            )
        if not options.softmax:
            return scores
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum())

    def _mean(
        self, track: int | None, look: Probabilities | None, index: int, now_s: float
    ) -> Probabilities | None:
        """The mean of all looks at a track; of an object without one this look; None without."""
        if track is None:
            return look
        known = self._known.get(track)
        if look is not None:
            if known is None:
                known = self._known[track] = _Known(index, now_s, 0, [0.0] * len(look))
            known.looked_index, known.looks = index, known.looks + 1
            known.sums = (np.array(known.sums) + look).tolist()
        if known is None:
            return None
        known.seen_s = now_s
        return np.array(known.sums) / known.looks

    def _said(self, mean: Probabilities | None) -> dict[str, str]:
        if mean is None or not mean.max() >= self._options.min_score:
            return {}
        return {self._options.attribute: self._options.labels[int(mean.argmax())]}


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
def classifier(network: Path, image_input: ImageInput, threads: int) -> Runtime:
    """Load a network into ONNX Runtime, once in a process, however many sources there are.

    Raises:
        EngineError: it cannot be loaded.
    """
    made: Runtime = load("runtime", "onnxruntime")(
        network, image_input, RuntimeOptions(threads=threads)
    )
    return made
