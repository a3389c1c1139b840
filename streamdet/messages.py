"""What travels between stages, and its wire form (MessagePack).

A message says everything about a frame but its pixels. A stage adds its finding with
`dataclasses.replace`; a frame that cannot be processed travels on with a `drop_reason`, so that
every reader sees every index of a source exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections, FrameMasks
from streamdet.events import Event, Marking
from streamdet.frame import Frame, FrameRef, Geometry

MAX_BYTES: Final = 64 << 20
"""Of a message: a thousand masks of a large image have a few million."""

_TYPES: Final = (
    *(str, int, int | None, int, int, int, tuple, int),  # source_id to captured_ns
    *(tuple | None, tuple | None, tuple | None, str | None, str | None, tuple),  # to timings
    *(bool, tuple, tuple, tuple | None, str, tuple | None),
)
"""Of the fields of a frame's message, in order."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A frame's image as a detector wants it.

    Attributes:
        hw: height and width of the prepared image, pixels.
        geometry: how source pixels map to prepared ones.
        pixels: where the image lies, in its pool's pixel format; None where only its own process
            needs it.
    """

    hw: tuple[int, int]
    geometry: Geometry
    pixels: FrameRef | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """When a node worked on a frame: nanoseconds of the host's monotonic clock."""

    node: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a frame that a second detector is to look at.

    Attributes:
        row: of the object that it shows, among the frame's detections.
        xyxy: whole pixels of the source, inside the frame and not empty.
    """

    row: int
    xyxy: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class FrameMessage:
    """A frame on its way through the graph.

    Attributes:
        frame: the frame.
        prepared: the image for the detector, after a transform.
        detections: objects in source pixels, after a detector; with track ids after a tracker.
        model: name of the model that found them.
        drop_reason: why the frame is not processed any further; None for a frame that is well.
        timings: one entry per node that has worked on it, in order.
        events: what analytics noticed in this frame, in the order of the nodes.
        markings: zones and lines to be drawn into it.
        input_hw: height and width of the image that a detector saw; None before one, and where its
            network takes any size.
        crops: what a second detector is to look at; None where none is to.
    """

    frame: Frame
    prepared: PreparedImage | None = None
    detections: Detections | None = None
    model: str | None = None
    drop_reason: str | None = None
    timings: tuple[Timing, ...] = ()
    events: tuple[Event, ...] = ()
    markings: tuple[Marking, ...] = ()
    input_hw: tuple[int, int] | None = None
    crops: tuple[Crop, ...] | None = None

    @property
    def source_id(self) -> str:
        """The frame's source."""
        return self.frame.source_id

    @property
    def index(self) -> int:
        """The frame's place in its source."""
        return self.frame.index


@dataclass(frozen=True, slots=True)
class EndOfStream:
    """A source's last message: its place in the order is behind its last frame.

    Attributes:
        source_id: the source.
        index: how many frames it had.
    """

    source_id: str
    index: int


Message = FrameMessage | EndOfStream


def encode(message: Message) -> bytes:
    """Write a message for the wire; the inverse of `decode`.

    Raises:
        ValueError: the detections still have `mask_probs`.
    """
    if isinstance(message, EndOfStream):
        return _pack([message.source_id, message.index])
    frame, prepared = message.frame, message.prepared
    return _pack(
        [
            frame.source_id,
            frame.index,
            frame.pts,
            frame.time_base.numerator,
            frame.time_base.denominator,
            frame.duration,
            frame.hw,
            frame.captured_ns,
            _pack_ref(frame.pixels),
            None if prepared is None else _pack_prepared(prepared),
            None if message.detections is None else _pack_detections(message.detections),
            message.model,
            message.drop_reason,
            [(timing.node, timing.start_ns, timing.end_ns) for timing in message.timings],
            frame.is_still,
            [_fields(event) for event in message.events],
            [_fields(marking) for marking in message.markings],
            message.input_hw,
            frame.clock,
            None if message.crops is None else [(crop.row, *crop.xyxy) for crop in message.crops],
        ]
    )


def decode(payload: bytes) -> Message:
    """Read a message from the wire; the inverse of `encode`.

    Raises:
        ValueError: the bytes are not a message of this version.
    """
    try:
        if len(payload) > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES}")
        values: tuple[Any, ...] = msgpack.unpackb(payload, use_list=False)
        if len(values) == 2:
            _check(values, (str, int))
            return EndOfStream(*values)
        # Messages of a run that began with an older version end earlier.
        missing: tuple[Any, ...] = (False, (), (), None, "host", None)[len(values) - 14 :]
        _check((*values, *missing), _TYPES)
        (source_id, index, pts, num, den, duration, hw, captured_ns, pixels, prepared, detections,
         model, drop_reason, timings, is_still, events, markings, input_hw, clock,
         crops) = (
             *values, *missing)  # fmt: skip
        found = None if detections is None else _detections(detections)
        return FrameMessage(
            frame=Frame(
                source_id,
                index,
                pts,
                Fraction(num, den),
                duration,
                _hw(hw),
                captured_ns,
                _ref(pixels),
                is_still,
                clock,
            ),
            prepared=None if prepared is None else _prepared(prepared),
            detections=found,
            model=model,
            drop_reason=drop_reason,
            timings=tuple(_timing(timing) for timing in timings),
            events=tuple(Event(*event) for event in events),
            markings=tuple(Marking(*marking) for marking in markings),
            input_hw=None if input_hw is None else _hw(input_hw),
            crops=None if crops is None else tuple(_crop(each, len(found or ())) for each in crops),
        )
    except (TypeError, ValueError, ArithmeticError, msgpack.UnpackException) as exc:
        raise ValueError(f"not a streamdet message of {len(payload)} bytes: {exc}") from exc


def _pack(values: list[Any]) -> bytes:
    packed: bytes = msgpack.packb(values)
    return packed


def _check(values: tuple[Any, ...], types: tuple[Any, ...]) -> None:
    """Refuse a message whose fields are of other types, or whose second one, the index, is < 0."""
    if len(values) != len(types) or not all(map(isinstance, values, types)) or values[1] < 0:
        raise ValueError("it has other fields")


def _hw(values: tuple[int, int]) -> tuple[int, int]:
    _check(values, (int, int))
    return values


def _crop(values: tuple[int, int, int, int, int], object_count: int) -> Crop:
    _check(values, (int,) * 5)
    row, *xyxy = values
    if not 0 <= row < object_count:
        raise ValueError(f"crop of object {row} of {object_count}")
    return Crop(row, (xyxy[0], xyxy[1], xyxy[2], xyxy[3]))


def _timing(values: tuple[str, int, int]) -> Timing:
    _check(values, (str, int, int))
    return Timing(*values)


def _fields(value: Event | Marking) -> tuple[Any, ...]:
    return tuple(getattr(value, field.name) for field in fields(value))


def _pack_ref(ref: FrameRef | None) -> tuple[str, int, int] | None:
    return None if ref is None else (ref.pool, ref.slot, ref.generation)


def _ref(values: tuple[str, int, int] | None) -> FrameRef | None:
    if values is None:
        return None
    _check(values, (str, int, int))
    return FrameRef(*values)


def _pack_prepared(prepared: PreparedImage) -> tuple[Any, ...]:
    geometry = prepared.geometry
    return prepared.hw, geometry.scale_xy, geometry.offset_xy, _pack_ref(prepared.pixels)


def _prepared(values: tuple[Any, ...]) -> PreparedImage:
    hw, scale_xy, offset_xy, pixels = values
    return PreparedImage(_hw(hw), Geometry(scale_xy, offset_xy), _ref(pixels))


def _pack_detections(detections: Detections) -> tuple[Any, ...]:
    if detections.mask_probs is not None:
        raise ValueError("mask_probs do not travel: the stage of a detector pastes them into masks")
    masks, keypoints, vectors = detections.masks, detections.keypoints, detections.vectors
    return (
        detections.xyxy.tobytes(),
        detections.scores.tobytes(),
        detections.class_ids.tobytes(),
        None if detections.track_ids is None else detections.track_ids.tobytes(),
        None if masks is None else (masks.hw, masks.counts),
        None if keypoints is None else (keypoints.shape[1], keypoints.tobytes()),
        detections.zones,
        None if detections.speeds is None else detections.speeds.tobytes(),
        None if detections.interpolated is None else detections.interpolated.tobytes(),
        detections.attributes,
        None if detections.parents is None else detections.parents.tobytes(),
        None if vectors is None else (vectors.shape[1], vectors.tobytes()),
    )


def _detections(values: tuple[Any, ...]) -> Detections:
    # Messages of a run that began before there were masks and keypoints end with the track ids,
    # those from before there were zones with the keypoints; segment files are kept for long.
    missing: tuple[Any, ...] = (None,) * (12 - len(values))
    xyxy, scores, class_ids, track_ids, masks, keypoints, *analysed = (*values, *missing)
    zones, speeds, interpolated, attributes, parents, vectors = analysed
    found_scores = np.frombuffer(scores, np.float32)
    return Detections(
        np.frombuffer(xyxy, np.float32).reshape(-1, 4),
        found_scores,
        np.frombuffer(class_ids, np.int64),
        None if track_ids is None else np.frombuffer(track_ids, np.int64),
        None if masks is None else FrameMasks(*masks),
        None if keypoints is None else _keypoints(len(found_scores), *keypoints),
        zones=zones,
        speeds=None if speeds is None else np.frombuffer(speeds, np.float32),
        attributes=attributes,
        interpolated=None if interpolated is None else np.frombuffer(interpolated, np.bool_),
        parents=None if parents is None else np.frombuffer(parents, np.int64),
        vectors=None if vectors is None else _vectors(len(found_scores), *vectors),
    )


def _vectors(object_count: int, length: int, values: bytes) -> npt.NDArray[np.float16]:
    return np.frombuffer(values, np.float16).reshape(object_count, length)


def _keypoints(object_count: int, count: int, values: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(values, np.float32).reshape(object_count, count, 3)
