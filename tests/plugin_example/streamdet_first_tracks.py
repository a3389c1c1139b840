"""Analytics of another package: counts the tracks of each class, and leaves objects out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.config.options import Options
from streamdet.errors import ConfigError
from streamdet.messages import FrameMessage


class FirstTracksOptions(Options):
    """Options of `first_tracks`."""

    most: int = Field(100, ge=1, description="Tracks of a class in a source; later ones go.")
    without: tuple[str, ...] = Field((), description="Names of classes that go as a whole.")


class FirstTracks:
    """Publishes the first tracks of each class in a source, and the objects without a track."""

    Options = FirstTracksOptions

    def __init__(self, options: FirstTracksOptions, context: AnalyticsContext) -> None:
        """Begin a source: no track has been seen."""
        self._options = options
        self._class_names = context.class_names
        self._seen: dict[str, list[int]] = {}

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Count the frame's tracks, and leave out the objects that are not to be published."""
        found = frame.detections
        if found is None or frame.model is None:
            return frame
        names = self._class_names[frame.model]
        if unknown := set(self._options.without) - set(names):
            raise ConfigError(f"first_tracks: model {frame.model!r} has no {sorted(unknown)}")
        ids = [-1] * len(found) if found.track_ids is None else found.track_ids.tolist()
        labels = [names[class_id] for class_id in found.class_ids]
        kept = [self._is_kept(*one) for one in zip(labels, ids, strict=True)]
        return replace(frame, detections=found[np.array(kept, bool)])

    def _is_kept(self, label: str, track_id: int) -> bool:
        if label in self._options.without:
            return False
        seen = self._seen.setdefault(label, [])
        if track_id > 0 and track_id not in seen and len(seen) < self._options.most:
            seen.append(track_id)
        return track_id <= 0 or track_id in seen

    def state(self) -> bytes:
        """The tracks that were counted."""
        return json.dumps(self._seen).encode()

    def restore(self, state: bytes) -> None:
        """Go on counting."""
        self._seen = json.loads(state)
