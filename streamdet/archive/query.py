"""Answers SQL over an archive's results with DuckDB, which reads the files as they lie there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from streamdet.archive.folder import FILES_CSV, ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.archive.report import COLUMNS as FILE_COLUMNS
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.formats.object_rows import COLUMNS, ColumnType

OBJECTS: Final = "objects"
FILES: Final = "files"

_TYPES: Final[dict[ColumnType, str]] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
_FILE_TYPES: Final = {
    **dict.fromkeys(FILE_COLUMNS, "VARCHAR"),
    "seconds": "DOUBLE",
    **dict.fromkeys(("frames", "dropped", "objects", "tracks", "segments", "damaged"), "BIGINT"),
}
_BATCH: Final = 1000


class Answer:
    """What a query found.

    Attributes:
        columns: their names.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.columns: tuple[str, ...] = tuple(column[0] for column in cursor.description or ())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows."""
        while rows := self._cursor.fetchmany(_BATCH):
            yield from rows


def query(folder: ArchiveFolder, manifest: Manifest, sql: str) -> Answer:
    """Run a query over `objects` (a row an object, of all files that are done) and `files`.

    Raises:
        ConfigError: the query is wrong, or there is nothing to ask.
        EngineError: DuckDB is not installed.
    """
    if find_spec("duckdb") is None:
        raise EngineError(f"`archive query` needs duckdb: {to_install('query')}")
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(f"CREATE VIEW {OBJECTS} AS {_objects(folder, manifest)}")
        connection.execute(f"CREATE VIEW {FILES} AS {_files(folder)}")
        return Answer(connection.execute(sql))
    except duckdb.Error as exc:
        raise ConfigError(f"the query failed: {_first_line(exc)}") from exc


def _objects(folder: ArchiveFolder, manifest: Manifest) -> str:
    """Select the rows of the files that are done, of the first format that all of them have."""
    names = [row.source_id for row in manifest.files() if row.state == "done"]
    if not names:
        raise ConfigError(f"{folder.shown()}: no file is done yet: there is nothing to ask")
    for form, reader in (
        ("parquet", "read_parquet({}, union_by_name = true)"),
        ("csv", _csv_reader()),
    ):
        paths = [folder.output(name, form) for name in names]
        if all(path.exists() for path in paths):
            return f"SELECT * FROM {reader.format(_list(paths))}"  # noqa: S608
    raise ConfigError(
        f"{folder.shown()}: a query needs the rows of every file that is done: run the same"
        " `streamdet archive` again with --format parquet (or csv), which detects nothing again"
    )


def _csv_reader() -> str:
    columns = ", ".join(f"'{name}': '{_TYPES[type_]}'" for name, type_ in COLUMNS.items())
    # Files of earlier versions have fewer columns.
    padded = "null_padding = true, auto_detect = false, parallel = false, delim = ','"
    return f"read_csv({{}}, header = true, {padded}, columns = {{{{{columns}}}}})"


def _files(folder: ArchiveFolder) -> str:
    columns = ", ".join(f"'{name}': '{type_}'" for name, type_ in _FILE_TYPES.items())
    path = folder.path / FILES_CSV
    return f"SELECT * FROM read_csv({_list([path])}, header = true, columns = {{{columns}}})"  # noqa: S608


def _list(paths: list[Path]) -> str:
    return "[" + ", ".join(_quoted(str(path)) for path in paths) + "]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(exc: Exception) -> str:
    return str(exc).strip().splitlines()[0]
