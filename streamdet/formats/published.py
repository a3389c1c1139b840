"""Messages of public streams as a downstream Python program sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from streamdet.events import EVENT_FIELD


@dataclass(frozen=True, slots=True)
class PublishedMessage(Mapping[str, Any]):
    """What was published, as a mapping: `message["objects"]` of a frame, `["zone"]` of an event.

    The keys stand in formats/message_schema.py and formats/event_json.py.

    Attributes:
        entry_id: the entry's id in its stream.
        body: the JSON of the field `metadata`, or `event`; of an entry without one, its fields as
            text.
    """

    entry_id: str
    body: Mapping[str, Any]

    @classmethod
    def of_fields(cls, entry_id: bytes, fields: Mapping[str, bytes]) -> PublishedMessage:
        """Read an entry."""
        try:
            body = json.loads(fields["metadata"] if "metadata" in fields else fields[EVENT_FIELD])
        except (KeyError, ValueError):
            body = None
        if not isinstance(body, dict):
            body = {name: value.decode(errors="replace") for name, value in fields.items()}
        return cls(entry_id.decode(), body)

    @property
    def source_id(self) -> str:
        """The frame's source."""
        return str(self.body["source_id"])

    @property
    def frame_id(self) -> int:
        """The frame's place in its source, from 0."""
        return int(self.body["frame_id"])

    @property
    def pts_s(self) -> float | None:
        """When the frame is shown, seconds; None where its file does not say."""
        pts_ns = self.body.get("pts_ns")
        return None if pts_ns is None else pts_ns / 1e9

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects: id, class_id, label, confidence, bbox and, where known, mask, keypoints."""
        objects: list[dict[str, Any]] = self.body["objects"]
        return objects

    @property
    def dropped(self) -> str | None:
        """Why the frame was given up; None for one that is well."""
        return self.body.get("dropped")

    def __getitem__(self, key: str) -> Any:
        """What stands under a key."""
        return self.body[key]

    def __iter__(self) -> Iterator[str]:
        """Go through the keys."""
        return iter(self.body)

    def __len__(self) -> int:
        """Count the keys."""
        return len(self.body)
