"""What all events have in common: their first keys, their ids, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ConfigDict, Field


class PublishedEvent(BaseModel):
    """The keys of every event."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    schema_name: Literal["streamdet-event/1"] = Field("streamdet-event/1", alias="schema")
    id: str = Field(description="Of this event alone; the same if it is delivered again.")
    run: str = Field(description="Names the run.")


def id_of(*parts: object) -> str:
    """Make the id of an event from what tells it from all others."""
    return str(uuid5(NAMESPACE_URL, json.dumps(["streamdet-event", *map(str, parts)])))


def event_text(event: PublishedEvent | Mapping[str, Any]) -> bytes:
    """Write an event as compact JSON, without a newline.

    Raises:
        ValueError: it holds a number that is not finite.
    """
    body = event.model_dump(by_alias=True) if isinstance(event, PublishedEvent) else event
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
