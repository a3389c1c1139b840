"""Writes each object as a row of CSV, all sources in one file."""

from __future__ import annotations

from collections.abc import Sequence

from streamdet.formats.object_rows import csv_header, csv_lines, object_rows
from streamdet.messages import FrameMessage
from streamdet.sinks.line_file import LineFileSink


class CsvSink(LineFileSink):
    """A header, then one line per object.

    Frames without objects, dropped ones among them, have no line.
    """

    def header(self) -> bytes:
        """The names of the columns."""
        return csv_header()

    def lines(self, message: FrameMessage, class_names: Sequence[str]) -> bytes:
        """A row for each object."""
        return csv_lines(object_rows(message, class_names))
