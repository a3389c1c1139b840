"""The JSON of events, "streamdet-event/1": what happens to cameras, one entry a change."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from streamdet.formats.frame_json import rfc3339
from streamdet.formats.recording_events import ClipEvent, RecordingEvent, SnapshotEvent

EVENTS_MAXLEN = 10_000

State = Literal["connecting", "live", "stalled", "lost", "refused", "paused", "removed"]
"""connecting: not reached yet. stalled: connected, but no frame came for a while. lost: a network
fault, or the stream ended. refused: the camera answers, but rejects the request. paused: it was
asked to wait, and is not connected. removed: the run goes on without it."""


class CameraEvent(BaseModel):
    """A camera's state has changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_name: Literal["streamdet-event/1"] = Field("streamdet-event/1", alias="schema")
    event: Literal["camera"] = "camera"
    run: str = Field(description="Names the run.")
    source_id: str = Field(description="Names the camera.")
    state: State = Field(
        description="stalled: connected, but nothing comes; lost: a network fault, or the stream"
        " ended; refused: it answers, and says no; paused, removed: somebody asked for it."
    )
    reason: str = Field(description="Why, in a sentence; empty where there is nothing to say.")
    frame_id: Annotated[int, Field(ge=0, description="Of the next frame that comes from it.")]
    at: str = Field(description="When it changed, UTC (RFC 3339).")


def camera_event(run_id: str, source_id: str, camera: dict[str, Any], frame_id: int) -> bytes:
    """Write a change of a camera's state.

    Args:
        run_id: names the run.
        source_id: names the camera.
        camera: its `state`, `reason` and `since_ns`.
        frame_id: of the next frame that comes from it.
    """
    body = {
        "schema": "streamdet-event/1",
        "event": "camera",
        "run": run_id,
        "source_id": source_id,
        "state": camera["state"],
        "reason": camera["reason"],
        "frame_id": frame_id,
        "at": rfc3339(camera["since_ns"]),
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "streamdet-event/1",
        **_ANY.json_schema(by_alias=True),
    }


_ANY: TypeAdapter[CameraEvent | ClipEvent | SnapshotEvent | RecordingEvent] = TypeAdapter(
    CameraEvent | ClipEvent | SnapshotEvent | RecordingEvent
)
