"""`streamdet archive GRAPH`: detect in many files, resumed after anything; and what came of it."""

from __future__ import annotations

import secrets
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.archive.cluster.nodes import ClusterPipelines
from streamdet.archive.cluster.ray_cluster import is_address
from streamdet.archive.cluster.ray_cluster import missing_library as missing_ray
from streamdet.archive.detection_graph import SplitGraph, split
from streamdet.archive.folder import SUFFIXES, ArchiveFolder, archive_folder
from streamdet.archive.listing import LIST_SUFFIX, list_files
from streamdet.archive.local_pipeline import LocalPipeline
from streamdet.archive.manifest import Manifest
from streamdet.archive.planning import Planner, PlanNotes, Request
from streamdet.archive.progress import Hooks
from streamdet.archive.report import file_reports, write_files_csv
from streamdet.archive.store_copy import StoreCopy
from streamdet.archive.waves import Pipelines
from streamdet.archive.work import ArchiveWork
from streamdet.commands.archive_forms import FORMS
from streamdet.commands.archive_text import (
    note_lines,
    report_lines,
    warning_lines,
)
from streamdet.commands.archive_view import archive_view
from streamdet.commands.graph_arguments import (
    add_machine_arguments,
    add_set_argument,
    settings_from,
)
from streamdet.errors import ConfigError, EngineError
from streamdet.graph import load_graph
from streamdet.run.missing_parts import refuse_missing
from streamdet.sinks.parquet import missing_library
from streamdet.sources.media_file import MediaPlace
from streamdet.system.process import stop_signals_to
from streamdet.system.stop_signals import INTERRUPTED

_WANTED: Final = "GRAPH, `status DIR`, `query DIR SQL` or `summary DIR`"
_SEGMENT_S: Final = 60.0


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `archive`."""
    parser.add_argument(
        "graph",
        metavar="GRAPH",
        help="graph file, or a shipped one (people). Of an archive that is there: `status DIR`"
        " says how far it is, `query DIR SQL` answers SQL over its tables `objects` and `files`,"
        " `summary DIR` writes DIR/summary.html",
    )
    parser.add_argument(
        "rest",
        nargs="*",
        metavar="DIR",
        help="of status, query, summary: the folder that --output named; then, of query, the SQL",
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="X",
        help="video file, folder (not its subfolders), glob (** goes down), each on the disk or as"
        " s3://BUCKET/KEY (gs://, az://), or a .txt with one of these a line; repeat it for more",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="folder of the results, made if it is missing, or s3://BUCKET/FOLDER (gs://, az://)",
    )
    parser.add_argument(
        "--format",
        type=_formats,
        default=("jsonl",),
        metavar="A,B",
        help=f"one file per source and format: {', '.join(SUFFIXES)} (default: jsonl)",
    )
    parser.add_argument(
        "--segment-s",
        type=_seconds,
        default=_SEGMENT_S,
        metavar="S",
        help="cut long files into parts of about so many seconds (default: %(default)g)",
    )
    parser.add_argument(
        "--detect-every",
        type=_count,
        default=1,
        metavar="N",
        help="look at each Nth frame only; tracks get boxes in the frames between, marked"
        " `interpolated` (default: every frame)",
    )
    parser.add_argument("--redo", action="store_true", help="do again what is done already")
    parser.add_argument(
        "--retry-failed", action="store_true", help="try files again that have failed"
    )
    parser.add_argument(
        "--fail-fast", action="store_true", help="stop at the first file that fails"
    )
    parser.add_argument(
        "--cluster",
        type=_cluster,
        metavar="auto|HOST:PORT",
        help="detect on all nodes of the Ray cluster at that address, which this machine is a node"
        " of; auto: of the one that $RAY_ADDRESS names, else on this machine alone. Each node needs"
        " the sources at the same paths. See docs/archives.md",
    )
    add_set_argument(parser)
    add_machine_arguments(parser)
    parser.epilog = (
        "The same command goes on where an earlier one was stopped or killed. DIR/files.csv has a"
        " row for each file: frames, objects, tracks, or why it failed. Exit code 1: a file failed."
    )


def run(args: Namespace) -> int:
    """Work through an archive, or say how far it is.

    Raises:
        ConfigError: something is wrong, before anything has started.
        EngineError: outputs cannot be written, or the pipeline cannot be run.
    """
    if args.graph in FORMS:
        return FORMS[args.graph](args)
    if args.rest:
        raise ConfigError(f"{args.rest[0]!r} is one argument too many: wanted {_WANTED}")
    if not args.source or args.output is None:
        raise ConfigError("--source and --output are needed: see `streamdet archive --help`")
    return _archive(args)


def _archive(args: Namespace) -> int:
    paths = list_files(args.source)
    parts = _parts(args, paths)
    pipelines = _pipelines(args)
    folder = archive_folder(args.output)
    request = Request(
        parts=parts,
        formats=args.format,
        segment_s=args.segment_s,
        is_redo=args.redo,
        retries_failed=args.retry_failed,
        fails_fast=args.fail_fast,
        detect_every=args.detect_every,
    )
    folder.make()
    with folder.held(), ExitStack() as stack:
        copy = None
        if folder.store is not None:
            copy = StoreCopy(folder, lambda note: print(note, file=sys.stderr, flush=True))
            stack.enter_context(copy.held())
        manifest = stack.enter_context(Manifest(folder.manifest))
        manifest.meta("archive_id", secrets.token_hex(6))
        manifest.set_meta("source_options", parts.options.model_dump_json())
        notes = _planned(manifest, folder, request, paths)
        if notes.is_stopped:
            return INTERRUPTED
        for line in note_lines(notes, parts):
            print(line)
        if copy is not None:
            stack.enter_context(copy.kept())
        return _worked(_Archive(manifest, folder, request, pipelines, copy), paths)


@dataclass(frozen=True, slots=True)
class _Archive:
    manifest: Manifest
    folder: ArchiveFolder
    request: Request
    pipelines: Pipelines
    copy: StoreCopy | None


def _worked(archive: _Archive, paths: Sequence[MediaPlace]) -> int:
    """Work through the planned files and report; returns the exit code."""
    manifest, folder = archive.manifest, archive.folder
    done_before = {row.id for row in manifest.files() if row.state == "done"}
    with archive_view(sys.stdout) as view:
        hooks = Hooks(view.show, view.warn, view.note, lambda row, error: view.warn(error))
        work = ArchiveWork(
            manifest,
            folder,
            archive.request,
            archive.pipelines,
            hooks,
            archive.copy,
        )
        is_through = work.run(paths)
    write_files_csv(folder, file_reports(manifest))
    reports = file_reports(manifest, done_before, paths)
    for line in report_lines(reports, work.standing.progress(()), folder):
        print(line)
    for line in warning_lines(reports):
        print(line, file=sys.stderr)
    if any(one.row.state == "failed" for one in reports):
        return 1
    return 0 if is_through else INTERRUPTED


def _parts(args: Namespace, paths: list[MediaPlace]) -> SplitGraph:
    """Load the graph, with a source that stands for all of them.

    Raises:
        ConfigError: the graph is wrong, or lacks something here.
    """
    first = args.source[0]
    source = str(paths[0]) if first.lower().endswith(LIST_SUFFIX) else first
    graph = load_graph(args.graph, sources=[source], overrides=args.set)
    parts = split(graph)
    items = parts.source.items
    refuse_missing(parts.detection_graph(items, Path(), None))
    if "parquet" in args.format and (missing := missing_library()):
        raise EngineError(f"--format parquet: {missing}")
    if args.detect_every > 1 and not any(node.role == "tracker" for node in parts.join):
        raise ConfigError(
            f"--detect-every {args.detect_every}: {parts.graph.path} has no tracker to give the"
            " frames between their boxes: `source.every` leaves these frames out"
        )
    if "events" in args.format and not any(node.role == "analytics" for node in parts.join):
        raise ConfigError(
            f"--format events: {parts.graph.path} has no analytics node, such as zones or lines"
        )
    return parts


def _pipelines(args: Namespace) -> Pipelines:
    """Choose who detects.

    Raises:
        StreamdetError: that cannot be done here.
    """
    settings = settings_from(args)
    if args.cluster is None:
        return LocalPipeline(settings)
    if not settings.is_embedded:
        raise ConfigError(
            f"--cluster {args.cluster}: each node has a private Redis server: leave out --redis,"
            " and `redis` of the deploy file"
        )
    if missing := missing_ray():
        raise EngineError(missing)
    return ClusterPipelines(args.cluster, settings)


def _planned(
    manifest: Manifest, folder: ArchiveFolder, request: Request, paths: list[MediaPlace]
) -> PlanNotes:
    stops: list[int] = []
    with (
        stop_signals_to(lambda number, frame: stops.append(number)),
        archive_view(sys.stdout) as view,
    ):
        planner = Planner(manifest, folder, request, lambda: bool(stops), view.planned)
        return planner.plan(paths)


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(part.strip().lower().lstrip(".") for part in text.split(",")))
    for form in formats:
        if form not in SUFFIXES:
            raise ArgumentTypeError(f"must be of {', '.join(SUFFIXES)}, got {form!r}")
    return formats


def _cluster(text: str) -> str:
    if not is_address(text):
        raise ArgumentTypeError(f"must be auto or HOST:PORT, got {text!r}")
    return text


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 1000):
        raise ArgumentTypeError(f"must be a number of frames from 1 to 1000, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 86_400:
        raise ArgumentTypeError(f"must be a number of seconds from 0.1 to 86400, got {text!r}")
    return seconds
