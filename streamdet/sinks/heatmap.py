"""Draws where objects were, and for how long, over an image of each source."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgpack
import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from streamdet.config.options import Options
from streamdet.image import Image, Pixels
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.output_path import output_path
from streamdet.system.atomic_file import write_whole
from streamdet.system.redaction import short

_ROWS: Final = 90
"""Cells over the height of the image: fine enough for a blurred picture, small in each step."""
_BLUR: Final = 1.6
"""Standard deviation of the blur, cells."""
_OPACITY: Final = 0.75
_FAINTEST: Final = 0.04
"""Share of the strongest heat below which the image shows through."""

Grid = npt.NDArray[np.uint32]


class HeatmapOptions(Options):
    """Options of `heatmap`."""

    path: Path = Field(
        description="the image, .png or .jpg, written anew each `every_s` and at the end; with"
        " several sources <stem>-<source><suffix> beside it, one for each"
    )

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: Path) -> Path:
        if path.suffix.lower() not in (".png", ".jpg"):
            raise ValueError(f"must end in .png or .jpg, got {short(str(path))!r}")
        return path

    every_s: float = Field(60, gt=0, description="Seconds of frames between two images.")
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the classes that count; by default all."
    )


@dataclass(slots=True)
class Heat:
    """Where the objects of one source stood.

    Attributes:
        hw: height and width of its images, pixels.
        grid: (90, W) how many objects stood in each cell, summed over the frames.
        frames: how many frames were counted.
        shown: frames of the last image written.
    """

    hw: tuple[int, int]
    grid: Grid
    frames: int = 0
    shown: int = 0

    @classmethod
    def over(cls, hw: tuple[int, int]) -> Self:
        """Begin without any."""
        columns = max(1, round(_ROWS * hw[1] / max(1, hw[0])))
        return cls(hw, np.zeros((_ROWS, columns), np.uint32))

    @classmethod
    def from_state(cls, state: bytes) -> Self:
        """Go on; the inverse of `state`."""
        hw, columns, packed, frames, shown = msgpack.unpackb(state, use_list=False)
        grid = np.frombuffer(zlib.decompress(packed), np.uint32).reshape(_ROWS, columns)
        return cls(hw, grid.copy(), frames, shown)

    def state(self) -> bytes:
        """All of it; the inverse of `from_state`."""
        packed = zlib.compress(self.grid.tobytes(), 1)
        state: bytes = msgpack.packb((self.hw, self.grid.shape[1], packed, self.frames, self.shown))
        return state

    def add(self, message: FrameMessage, wanted: Sequence[bool]) -> None:
        """Count where the wanted objects of a frame stand: the middle of their lower edges."""
        self.frames += 1
        if message.detections is None or not any(wanted):
            return
        x1, _, x2, y2 = message.detections.xyxy[np.array(wanted, np.bool_)].T
        height, width = message.frame.hw
        rows = (y2 / height * _ROWS).astype(int).clip(0, _ROWS - 1)
        columns = ((x1 + x2) / 2 / width * self.grid.shape[1]).astype(int)
        np.add.at(self.grid, (rows, columns.clip(0, self.grid.shape[1] - 1)), 1)

    def drawn(self, background: Pixels | None) -> Pixels:
        """Draw it over an image, (H, W, 3) BGR; over black without one."""
        import cv2

        height, width = self.hw
        heat = cv2.GaussianBlur(self.grid.astype(np.float32), (0, 0), _BLUR)
        share = np.asarray(heat / max(1e-9, float(heat.max())), np.float32)
        # The square root shows ways beside places of long waiting.
        heat = cv2.resize(share, (width, height)).clip(0, 1) ** 0.5
        colors = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
        if background is None:
            background = np.zeros((height, width, 3), np.uint8)
        grey = cv2.cvtColor(cv2.cvtColor(background, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        grey = cv2.resize(grey, (width, height))
        alpha = (_OPACITY * np.clip((heat - _FAINTEST**0.5) * 4, 0, 1))[..., None]
        mixed = grey * (1 - alpha) + colors * alpha
        return np.asarray(mixed.round(), np.uint8)


class HeatmapSink:
    """An image of each source: the longer objects stood in a place, the hotter it is."""

    Options = HeatmapOptions
    needs_image = True
    has_file_per_source = True

    def __init__(self, options: HeatmapOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._options = options
        self._context = context
        self._heats: dict[str, Heat] = {}
        self._backgrounds: dict[str, Pixels] = {}
        self._changed: set[str] = set()
        self._due: set[str] = set()

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on from the committed counts."""
        self._heats = {source_id: Heat.from_state(state) for source_id, state in states.items()}
        for source_id in self._context.sources:
            self._path(source_id).parent.mkdir(parents=True, exist_ok=True)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Count the objects of the frames; publish nothing."""
        for message, image in zip(messages, images, strict=True):
            if message.drop_reason is None:
                self._add(message, image)
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Draw the source's last image: one that is drawn twice is the same."""
        if source_id in self._heats:
            self._draw(source_id)

    def states(self) -> dict[str, bytes]:
        """The counts of the sources that have got frames."""
        return {source_id: self._heats[source_id].state() for source_id in self._changed}

    def committed(self) -> None:
        """Draw the images that are due.

        Raises:
            EngineError: the system refuses to write.
        """
        for source_id in self._due:
            self._draw(source_id)
        self._changed.clear()
        self._due.clear()

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _add(self, message: FrameMessage, image: Image | None) -> None:
        source_id, frame = message.source_id, message.frame
        heat = self._heats.setdefault(source_id, Heat.over(frame.hw))
        heat.add(message, self._wanted(message))
        self._changed.add(source_id)
        between = self._options.every_s / max(1e-6, float(frame.duration * frame.time_base))
        if heat.frames == 1 or heat.frames - heat.shown >= between:
            heat.shown = heat.frames
            self._due.add(source_id)
        if image is not None and (source_id in self._due or source_id not in self._backgrounds):
            self._backgrounds[source_id] = np.array(image.bgr())

    def _wanted(self, message: FrameMessage) -> list[bool]:
        if message.detections is None:
            return []
        names = self._context.class_names.get(message.model or "", ())
        labels = message.detections.labels(names)
        return [self._options.classes is None or label in self._options.classes for label in labels]

    def _draw(self, source_id: str) -> None:
        import cv2

        path = self._path(source_id)
        drawn = self._heats[source_id].drawn(self._backgrounds.get(source_id))
        _, encoded = cv2.imencode(path.suffix, drawn)
        write_whole(path, encoded.tobytes())

    def _path(self, source_id: str) -> Path:
        return output_path(self._options.path, source_id, self._context.sources)
