"""The JSON of events, "streamdet-event/1": what happens to cameras, and what analytics notice.

Every event has an `id` that follows from what it says: a step that is tried again, or delivered
again, repeats the id, and no other event has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from streamdet.detections import class_label
from streamdet.events import KINDS, PLACES, Event
from streamdet.formats.event_parts import PublishedEvent, event_text, id_of
from streamdet.formats.frame_json import BBOX_DECIMALS, rfc3339
from streamdet.formats.recording_events import ClipEvent, RecordingEvent, SnapshotEvent
from streamdet.messages import FrameMessage

State = Literal["connecting", "live", "stalled", "lost", "refused", "paused", "removed"]
"""connecting: not reached yet. stalled: connected, but no frame came for a while. lost: a network
fault, or the stream ended. refused: the camera answers, but rejects the request. paused: it was
asked to wait, and is not connected. removed: the run goes on without it."""


class CameraEvent(PublishedEvent):
    """A camera's state has changed."""

    event: Literal["camera"] = "camera"
    source_id: str = Field(description="Names the camera.")
    state: State = Field(
        description="stalled: connected, but nothing comes; lost: a network fault, or the stream"
        " ended; refused: it answers, and says no; paused, removed: somebody asked for it."
    )
    reason: str = Field(description="Why, in a sentence; empty where there is nothing to say.")
    frame_id: Annotated[int, Field(ge=0, description="Of the next frame that comes from it.")]
    at: str = Field(description="When it changed, UTC (RFC 3339).")


class SceneEvent(PublishedEvent):
    """Something that analytics noticed in a frame; keys that say nothing of it are left out."""

    event: str = Field(
        pattern=r"^[a-z][a-z_]*$",
        description=f"{', '.join(KINDS)}; plugins may have others.",
    )
    source_id: str = Field(description="Names the source.")
    frame_id: int = Field(ge=0, description="The frame in which it was noticed.")
    pts_ns: int | None = Field(description="Presentation time of the frame; null where unknown.")
    at: str = Field(description="When the frame was read, UTC (RFC 3339).")
    node: str = Field(description="The node of the graph that noticed it.")
    zone: str | None = Field(None, description="Name of the zone.")
    line: str | None = Field(None, description="Name of the line.")
    presence: str | None = Field(None, description="Name of what is watched for.")
    track: int | None = Field(None, description="The object's id in its source.")
    class_id: int | None = Field(None, description="Number of the object's class, from 0.")
    label: str | None = Field(None, description="Name of the object's class.")
    attributes: dict[str, str] | None = Field(
        None, description="What `classify` nodes before this one say of the object: name -> value."
    )
    bbox: tuple[float, float, float, float] | None = Field(
        None, description="x1, y1, x2, y2 of the object, pixels of the source frame."
    )
    counts: dict[str, int] | None = Field(
        None, description="After this frame: inside, entered, exited of a zone; in, out of a line."
    )
    inside: dict[str, int] | None = Field(
        None, description="Of a zone: class -> how many tracks of it are inside, after this frame."
    )
    direction: Literal["in", "out"] | None = Field(
        None, description="Of a crossing; in: to the right hand of who looks along the line."
    )
    dwell_s: float | None = Field(None, description="How long the object has been in the zone.")
    reason: Literal["left", "lost"] | None = Field(
        None, description="How it left: over the border, or it was not seen any more."
    )
    speed_mps: float | None = Field(None, description="Metres per second.")
    seen_frames: int | None = Field(None, description="In how many frames the track was seen.")


def camera_event(run_id: str, source_id: str, camera: dict[str, Any], frame_id: int) -> bytes:
    """Write a change of a camera's state.

    Args:
        run_id: names the run.
        source_id: names the camera.
        camera: its `state`, `reason` and `since_ns`.
        frame_id: of the next frame that comes from it.
    """
    state = camera["state"]
    return event_text(
        {
            "schema": "streamdet-event/1",
            "event": "camera",
            "id": id_of(run_id, source_id, frame_id, "camera", state, camera["since_ns"]),
            "run": run_id,
            "source_id": source_id,
            "state": state,
            "reason": camera["reason"],
            "frame_id": frame_id,
            "at": rfc3339(camera["since_ns"]),
        }
    )


def scene_event(
    event: Event, message: FrameMessage, run_id: str, class_names: Sequence[str]
) -> dict[str, Any]:
    """Say what analytics noticed, as it is published.

    Args:
        event: what was noticed.
        message: the frame in which it was.
        run_id: names the run.
        class_names: of the model that found the objects.
    """
    frame = message.frame
    body: dict[str, Any] = {
        "schema": "streamdet-event/1",
        "event": event.kind,
        "id": event_id(event, message, run_id),
        "run": run_id,
        "source_id": frame.source_id,
        "frame_id": frame.index,
        "pts_ns": frame.pts_ns,
        "at": rfc3339(frame.captured_ns),
        "node": event.node,
    }
    if (place := PLACES.get(event.kind.partition("_")[0])) and event.place:
        body[place] = event.place
    more = dict(event.more)
    if "inside" in more:
        more["inside"] = {class_label(class_names, each): count for each, count in more["inside"]}
    return body | _of_object(event, class_names) | more


def event_id(event: Event, message: FrameMessage, run_id: str) -> str:
    """Name an event of a frame: a UUID that no other event has, the same each time."""
    return id_of(run_id, message.source_id, message.index, *event.key())


def event_line(
    event: Event, message: FrameMessage, run_id: str, class_names: Sequence[str]
) -> bytes:
    """Write what `scene_event` says as compact JSON, without a newline."""
    return event_text(scene_event(event, message, run_id, class_names))


AnyEvent = CameraEvent | ClipEvent | SnapshotEvent | RecordingEvent | SceneEvent


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "streamdet-event/1",
        **_ANY.json_schema(by_alias=True),
    }


def check_event(text: bytes | str) -> AnyEvent:
    """Check an event.

    Raises:
        pydantic.ValidationError: it is not of the schema.
    """
    return _ANY.validate_json(text)


_ANY: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def _of_object(event: Event, class_names: Sequence[str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if event.track_id is not None:
        body["track"] = event.track_id
    if event.class_id is not None:
        body |= {"class_id": event.class_id, "label": class_label(class_names, event.class_id)}
    if event.xyxy is not None and all(map(isfinite, event.xyxy)):
        body["bbox"] = [round(value, BBOX_DECIMALS) for value in event.xyxy]
    if event.counts:
        body["counts"] = dict(event.counts)
    return body
