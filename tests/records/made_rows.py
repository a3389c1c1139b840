"""Rows of records for tests."""

from __future__ import annotations

import json
from typing import Any

from streamdet.records.rows import EventRow, TrackRow

DAY = "2025-11-29"


def event(number: int = 1, at: str = f"{DAY}T10:00:00.000000Z", **keys: Any) -> EventRow:
    """A person who enters the yard, unless `keys` say otherwise."""
    said = {
        "id": f"event-{number}",
        "at": at,
        "event": "zone_enter",
        "source_id": "door",
        "run": "run-1",
        "label": "person",
        "track": 7,
        "zone": "yard",
        **keys,
    }
    return EventRow.of({key: value for key, value in said.items() if value is not None})


def track(
    number: int = 7,
    began: str = "10:00:00",
    ended: str = "10:00:20",
    *,
    frames: int = 5,
    **keys: Any,
) -> TrackRow:
    """A person at the door, who was in the yard, unless `keys` say otherwise."""
    said: dict[str, Any] = {
        "source_id": "door",
        "run": "run-1",
        "label": "person",
        "confidence": 0.9,
        "is_over": False,
        "zones": ["yard"],
        **keys,
    }
    return TrackRow(
        id=f"track-{number}",
        began_at=began if "T" in began else f"{DAY}T{began}.000000Z",
        ended_at=ended if "T" in ended else f"{DAY}T{ended}.000000Z",
        track=number,
        frames=frames,
        began_pts_s=None,
        ended_pts_s=None,
        **(said | {"zones": json.dumps(said["zones"])}),
    )
