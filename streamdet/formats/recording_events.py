"""The events of what is recorded: a clip, a snapshot, and that recording has stopped or goes on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from streamdet.formats.event_parts import PublishedEvent, event_text, id_of
from streamdet.formats.frame_json import rfc3339


class ClipObject(BaseModel):
    """An object that a clip was written for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    track: int | None = Field(
        description="Number of the track, unique in its source; null without a tracker."
    )
    class_id: Annotated[int, Field(ge=0)]
    label: str
    confidence: float = Field(description="Its best score, 0 to 1; 0 of an event of analytics.")


class ClipEvent(PublishedEvent):
    """A clip was written."""

    event: Literal["clip"] = "clip"
    source_id: str = Field(description="Names the camera.")
    path: str = Field(description="Of the .mp4, absolute.")
    bytes: Annotated[int, Field(ge=0, description="Size of the file.")]
    starts_at: str = Field(description="When its first image was taken, UTC (RFC 3339).")
    ends_at: str = Field(description="When its last image was taken, UTC (RFC 3339).")
    events: list[str] = Field(
        description="Kinds of the events of analytics that it was written for; empty: for objects."
    )
    objects: list[ClipObject] = Field(description="What it was written for, the first one first.")


class SnapshotEvent(PublishedEvent):
    """A snapshot of an object was written."""

    event: Literal["snapshot"] = "snapshot"
    source_id: str = Field(description="Names the source.")
    path: str = Field(description="Of the .jpg, absolute.")
    bytes: Annotated[int, Field(ge=0, description="Size of the file.")]
    frame_id: Annotated[int, Field(ge=0, description="Of the frame that it shows.")]
    captured_at: str = Field(description="When that was taken, UTC (RFC 3339).")
    track: int = Field(description="Number of the track, unique in its source.")
    class_id: Annotated[int, Field(ge=0)]
    label: str
    confidence: float = Field(description="Its score in that frame, 0 to 1.")
    bbox: Annotated[
        list[float],
        Field(min_length=4, max_length=4, description="[x1, y1, x2, y2], pixels of the source."),
    ]


class RecordingEvent(PublishedEvent):
    """Recording has stopped, or goes on."""

    event: Literal["recording"] = "recording"
    node: str = Field(description="The node that records; a camera whose packets are not kept.")
    state: Literal["stopped", "resumed"]
    reason: str = Field(description="Why it has stopped; empty when it goes on.")
    at: str = Field(description="When, UTC (RFC 3339).")


def recording_event(run_id: str, node: str, reason: str, at_ns: int) -> bytes:
    """Write that recording has stopped for a reason, or (reason "") goes on."""
    state: Literal["stopped", "resumed"] = "stopped" if reason else "resumed"
    return event_text(
        RecordingEvent(
            id=id_of(run_id, node, "recording", state, at_ns),
            run=run_id,
            node=node,
            state=state,
            reason=reason,
            at=rfc3339(at_ns),
        )
    )
