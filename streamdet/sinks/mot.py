"""Writes tracks as MOTChallenge text, one file per source (see output_path.py for their names)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamdet.detections import NO_PARENT, UNTRACKED
from streamdet.formats.mot_text import format_line
from streamdet.messages import FrameMessage
from streamdet.sinks.source_files import SourceFilesSink

_NO_TRACK = -1


class MotSink(SourceFilesSink):
    """One line per tracked object, or per object with id -1 without a tracker.

    A reader sees committed lines only.
    """

    def lines(self, message: FrameMessage, class_names: Sequence[str], *, is_first: bool) -> bytes:
        """A line for each object."""
        found = message.detections
        if found is None or message.drop_reason is not None:
            return b""
        if found.parents is not None:
            found = found[found.parents == NO_PARENT]
        if found.track_ids is None:
            found = replace(found, track_ids=np.full(len(found), _NO_TRACK))
        else:
            found = found[found.track_ids != UNTRACKED]
        assert found.track_ids is not None
        rows = zip(found.track_ids.tolist(), found.xyxy, found.scores.tolist(), strict=True)
        lines = [format_line(message.index + 1, *row) for row in rows]
        return "".join(f"{line}\n" for line in lines).encode()
