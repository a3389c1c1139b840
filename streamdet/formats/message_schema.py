"""The published message "streamdet/1" as a model: its JSON Schema, and a check of what is written.

`frame_json.native_json` writes it; see there for what the keys mean to the code.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Score = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Mask(_Part):
    """Which pixels belong to an object."""

    size: tuple[int, int] = Field(description="Height and width of the frame, pixels.")
    counts: str = Field(description="Run lengths as pycocotools.mask.decode reads them.")


class PublishedObject(_Part):
    """One detected object."""

    id: int | None = Field(
        description="Of the track, unique in a source; null for an object that belongs to none."
    )
    class_id: int = Field(ge=0, description="Number of the class, from 0.")
    label: str = Field(description="Name of the class.")
    confidence: _Score
    bbox: tuple[float, float, float, float] = Field(
        description="x1, y1, x2, y2 in pixels of the source frame; width is x2 - x1."
    )
    parent: int | None = Field(
        None,
        ge=0,
        description="Place in `objects`, from 0, of the object in which a second detector found"
        " it; absent where the first did.",
    )
    parent_id: int | None = Field(
        None, description="Track of that object; null where it belongs to none."
    )
    mask: Mask | None = Field(None, description="Only of models that find masks.")
    keypoints: list[tuple[float, float, float]] | None = Field(
        None, description="x, y, score of each; only of models that find keypoints."
    )
    zones: list[str] | None = Field(
        None, description="Names of the zones that it is in; only behind a node of kind zones."
    )
    speed_mps: float | None = Field(
        None,
        description="Metres per second, null where not known yet; only behind a node of kind"
        " speed.",
    )
    attributes: dict[str, str] | None = Field(
        None,
        description="What else is known of it, such as colour: red; only behind nodes of kind"
        " classify.",
    )
    vector: str | None = Field(
        None,
        description="By which it can be known again: float16 numbers, low byte first, in base64;"
        " only behind a node of kind embed, and of sinks with `vectors: true`.",
    )
    interpolated: bool = Field(
        False,
        description="Whether it was not found in this frame, but put where its track must have"
        " been; absent means false.",
    )


class PublishedFrame(_Part):
    """One frame of one source, as it is published; every frame comes exactly once."""

    schema_name: Literal["streamdet/1"] = Field(alias="schema")
    run: str = Field(description="Names the run.")
    source_id: str = Field(description="Names the source; unique in a run.")
    frame_id: int = Field(ge=0, description="Counts the frames of a source, without gaps.")
    pts_ns: int | None = Field(
        description="Presentation time, nanoseconds; null where the source has none."
    )
    captured_at: str = Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        description="When the frame was read, of a live source taken, UTC (RFC 3339).",
    )
    clock: Literal["camera", "host"] = Field(
        "host", description="Whose wall clock that is: the camera's own, or its reader's host's."
    )
    width: int = Field(gt=0, description="Of the source frame, pixels.")
    height: int = Field(gt=0, description="Of the source frame, pixels.")
    model: str | None = Field(description="What detected; null without a detector.")
    objects: list[PublishedObject] = Field(description="Empty where nothing was found.")
    latency_ms: dict[str, float] = Field(
        description="Node -> its milliseconds; `total` from the first start to the last end."
    )
    dropped: str | None = Field(None, description="Only of a frame that has no result: the reason.")


def message_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a published message."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **PublishedFrame.model_json_schema(by_alias=True),
    }


def check_message(text: bytes | str) -> PublishedFrame:
    """Check a published message.

    Raises:
        pydantic.ValidationError: it is not of the schema.
    """
    return PublishedFrame.model_validate_json(text)
