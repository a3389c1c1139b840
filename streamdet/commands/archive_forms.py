"""`streamdet archive status`, `query` and `summary`: what an archive holds, from anywhere."""

from __future__ import annotations

import csv
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streamdet.archive.folder import SUFFIXES, SUMMARY, ArchiveFolder, archive_folder
from streamdet.archive.manifest import Manifest
from streamdet.archive.query import query
from streamdet.archive.report import file_reports
from streamdet.archive.store_copy import copied
from streamdet.archive.summary_page import SummaryLimits, write_summary
from streamdet.commands.archive_text import print_table, status_lines
from streamdet.errors import ConfigError
from streamdet.sources.file import FileOptions
from streamdet.stores.store import Store

_TABLES: Final = (SUFFIXES["parquet"], SUFFIXES["csv"])


def _status(args: Namespace) -> int:
    folder, _ = _arguments(args, "DIR")
    with _local(folder) as local, Manifest(local.manifest, is_read_only=True) as manifest:
        for line in status_lines(manifest):
            print(line)
    return 0


def _query(args: Namespace) -> int:
    folder, (sql,) = _arguments(args, "DIR SQL")
    with _local(folder, *_TABLES) as local:
        with Manifest(local.manifest, is_read_only=True) as manifest:
            answer = query(local, manifest, sql)
        if sys.stdout.isatty():
            print_table(answer)
        else:
            rows = csv.writer(sys.stdout, lineterminator="\n")
            rows.writerow(answer.columns)
            rows.writerows(answer.rows())
    return 0


def _summary(args: Namespace) -> int:
    folder, _ = _arguments(args, "DIR")
    with _local(folder, SUMMARY) as local:
        with Manifest(local.manifest, is_read_only=True) as manifest:
            reports = file_reports(manifest)
            options = FileOptions.model_validate_json(manifest.meta("source_options", "{}"))
        count = write_summary(local, reports, options, SummaryLimits())
        if folder.store is not None:
            Store(folder.store.protocol).put(local.path / SUMMARY, folder.store / SUMMARY)
    print(f"{folder.shown(SUMMARY)}: {len(reports)} files, {count} of them with charts and tracks")
    return 0


FORMS: Final = {"status": _status, "query": _query, "summary": _summary}


def _arguments(args: Namespace, wanted: str) -> tuple[ArchiveFolder, list[str]]:
    """Read the arguments of a form: the folder, and what follows it."""
    if len(args.rest) != len(wanted.split()):
        raise ConfigError(f"wanted `streamdet archive {args.graph} {wanted}`")
    return archive_folder(args.rest[0]), args.rest[1:]


@contextmanager
def _local(folder: ArchiveFolder, *suffixes: str) -> Iterator[ArchiveFolder]:
    """Give an archive on the disk: itself, or a copy of what is wanted of one in a store."""
    if folder.store is None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="streamdet-") as temporary:
        name = Path(temporary) / folder.store.name
        yield copied(folder, suffixes, name)
