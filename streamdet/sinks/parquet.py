"""Writes each object as a row of a Parquet file, all sources in one file.

A Parquet file cannot grow: its table of contents stands at its end. So the rows first go to a CSV
file beside it (`<path>.csv`, as crash-safe as that of the `csv` sink), and when every source has
ended the Parquet file is written from it, whole or not at all, and the CSV file is removed. A run
that fails, or is stopped at once, leaves the CSV file with every committed row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

from pydantic import Field

from streamdet.config.options import Options
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.formats.object_rows import COLUMNS
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.csv import CsvSink
from streamdet.sinks.line_file import STATE_KEY, LineFileOptions
from streamdet.system.atomic_file import written_whole

_ENDED: Final = "ended:"
"""Prefix of the state that says that a source has ended."""


RUN: Final = "run"
"""The column before those of object_rows: which run has written a row."""


class ParquetOptions(Options):
    """Options of `parquet`."""

    path: Path = Field(
        description="the file, removed when the first frame comes and written when all sources have"
        " ended; until then the rows are in <path>.csv"
    )


class ParquetSink:
    """One row per object, in the columns `run` and those of the `csv` sink; it appears whole."""

    Options = ParquetOptions
    needs_image = False
    has_file_per_source = False
    has_fixed_sources = True

    def __init__(self, options: ParquetOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._path = options.path
        self._csv_path = rows_path(options.path)
        self._rows = CsvSink(LineFileOptions(path=self._csv_path), context)
        self._run_id = context.run_id
        self._sources = frozenset(context.sources)
        self._is_written = False
        self._has_begun = False
        self._ended: set[str] = set()
        self._newly_ended: set[str] = set()

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Bring the CSV file to the committed state; finish the Parquet file if only that is left.

        Raises:
            ConfigError: pyarrow is not installed, or a file cannot be written.
        """
        if missing := missing_library():
            raise ConfigError(missing)
        self._ended = {key.removeprefix(_ENDED) for key in states if key.startswith(_ENDED)}
        self._has_begun = STATE_KEY in states
        has_all_ended = self._ended >= self._sources
        is_converted = self._path.exists() and not self._csv_path.exists()
        if has_all_ended and self._has_begun and is_converted:
            return  # the process before this one came so far
        self._rows.restore({key: state for key, state in states.items() if key not in self._keys()})
        if has_all_ended:
            self._complete()
        elif self._has_begun:
            self._path.unlink(missing_ok=True)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage one row for each object; publish nothing."""
        self._is_written = self._is_written or bool(messages)
        return self._rows.write(messages, images)

    def finish(self, source_id: str) -> None:
        """Have `committed` write the Parquet file if this was the last source."""
        self._newly_ended.add(source_id)

    def states(self) -> dict[str, bytes]:
        """Where the staged rows belong, the rows, and which sources have ended."""
        return self._rows.states() | {_ENDED + name: b"1" for name in self._newly_ended}

    def committed(self) -> None:
        """Write the staged rows to the CSV file, and that to the Parquet file when all has ended.

        Raises:
            EngineError: the system refuses.
        """
        self._rows.committed()
        if self._is_written and not self._has_begun:
            self._has_begun = True
            self._path.unlink(missing_ok=True)
        self._ended |= self._newly_ended
        if self._newly_ended and self._ended >= self._sources:
            self._complete()
        self._newly_ended.clear()

    def close(self) -> None:
        """Close the CSV file; remove it where this run made it and no frame came."""
        self._rows.close()

    def _keys(self) -> set[str]:
        return {_ENDED + name for name in self._ended}

    def _complete(self) -> None:
        """Write the Parquet file and remove the CSV file; no frame, no file."""
        if self._has_begun:
            _convert(self._csv_path, self._path, self._run_id)
            self._csv_path.unlink()
        self._rows.close()


def rows_path(path: Path) -> Path:
    """Name the file that holds the rows until the Parquet file is written."""
    return path.with_name(path.name + ".csv")


def missing_library() -> str:
    """Say how to get what writes Parquet; "" where it is installed."""
    is_missing = find_spec("pyarrow") is None
    return f"a Parquet file needs pyarrow: {to_install('parquet')}" if is_missing else ""


def _convert(csv_path: Path, path: Path, run_id: str) -> None:
    """Write a Parquet file, whole, from a CSV file of rows; a piece at a time."""
    try:
        with written_whole(path) as file:
            _copy_rows(csv_path, file, run_id)
    except OSError as exc:
        raise EngineError(f"cannot write to {path}: {exc.strerror or exc}") from exc


def _copy_rows(csv_path: Path, file: IO[bytes], run_id: str) -> None:
    import pyarrow as pa
    from pyarrow import csv
    from pyarrow.parquet import ParquetWriter

    types: dict[str, Any] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
    }
    schema = pa.schema([(name, types[type_]) for name, type_ in COLUMNS.items()])
    reader = csv.open_csv(
        csv_path,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=False
        ),
    )
    whole = pa.schema([(RUN, pa.string()), *schema])
    with reader, ParquetWriter(file, whole) as writer:
        for batch in reader:
            run = pa.array([run_id] * len(batch), pa.string())
            writer.write_batch(pa.record_batch([run, *batch.columns], schema=whole))
