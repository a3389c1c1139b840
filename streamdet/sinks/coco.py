"""Writes objects as COCO's results (a .coco.json), one file per source.

The list is closed when its source has ended; until then, and of a run that was killed for good, its
last line lacks the "]".
"""

from __future__ import annotations

from collections.abc import Sequence

from streamdet.formats.coco_results import entry_text, result_entries
from streamdet.messages import FrameMessage
from streamdet.sinks.source_files import SourceFilesSink


class CocoSink(SourceFilesSink):
    """A JSON list with an entry per object: box, score and, where known, mask, points and track."""

    has_fixed_sources = True
    header = b"["
    footer = b"\n]\n"

    def lines(self, message: FrameMessage, class_names: Sequence[str], *, is_first: bool) -> bytes:
        """A line for each object."""
        entries = [entry_text(each) for each in result_entries(message, class_names)]
        lead = b"\n" if is_first else b",\n"
        return lead + b",\n".join(entries) if entries else b""
