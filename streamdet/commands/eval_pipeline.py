"""`streamdet eval pipeline GRAPH`: all that a run does, from decoding to tracking."""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from streamdet.commands.graph_arguments import graph_from, settings_from
from streamdet.commands.progress_view import progress_view
from streamdet.config.deploy import DeploySettings
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.errors import ConfigError, EngineError
from streamdet.evaluation.frames import read_published, score_frames
from streamdet.evaluation.scores import Scores
from streamdet.evaluation.truths.video import check_video_truth, read_video_truth
from streamdet.graph import Node, PipelineGraph
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.report import Report
from streamdet.run.source_probe import PROBE_NODE, probe_alone, probe_path, read_probes
from streamdet.run.supervisor import PROBE_LIMIT_S, Supervisor
from streamdet.sources.resolve import SourceItem


def run(args: Namespace) -> list[Scores]:
    """Run a graph on one video and score what it publishes.

    Raises:
        ConfigError: the graph, an argument or the truth is wrong.
        EngineError: the run failed.
    """
    if len(args.source) != 1:
        raise ConfigError(f"wanted one --source, the video of the truth, got {len(args.source)}")
    [source] = args.source
    settings = settings_from(args)
    check_video_truth(source, args.truth)
    with tempfile.TemporaryDirectory(prefix="streamdet-eval-") as folder:
        published = Path(folder) / "frames.jsonl"
        args.output = [*args.output, str(published)]
        graph = graph_from(args)
        _check_truth(graph, args.truth, Path(folder))
        report = _run_graph(graph, settings)
        frames = read_published(published)
    truth = read_video_truth(source, args.truth, len(frames), frames[0].hw)
    about = {"graph": graph.name, "fps": report.fps, **report.runtimes}
    are_tracked = any(graph.nodes_of_role("tracker"))
    found = score_frames(frames, truth, sought(graph), are_tracked=are_tracked)
    return [replace(scores, about=about) for scores in found]


def _check_truth(graph: PipelineGraph, path: Path | None, folder: Path) -> None:
    """Check before a long run that the truth may be the video's, if its header says what it is.

    Raises:
        ConfigError: it is not.
    """
    node, item = _only_item(graph)
    probe_alone([(PROBE_NODE, (node, probe_path(folder, node)))], folder, PROBE_LIMIT_S)
    info = read_probes(graph, folder).get(item.source_id)
    if info is not None and info.frame_count is not None:
        read_video_truth(item.uri, path, info.frame_count, info.hw)


def _only_item(graph: PipelineGraph) -> tuple[Node, SourceItem]:
    items = [(node, item) for node in graph.nodes_of_role("source") for item in node.items]
    if len(items) != 1:
        raise ConfigError(f"--source: wanted one video, got {len(items)}")
    return items[0]


def sought(graph: PipelineGraph) -> set[str]:
    """Name the classes that a graph's detectors look for."""
    names: set[str] = set()
    for node in graph.nodes_of_role("detector"):
        assert node.model is not None
        assert isinstance(node.options, DetectorOptions)
        names |= set(node.options.classes or node.model.classes)
    return names


def _run_graph(graph: PipelineGraph, settings: DeploySettings) -> Report:
    refuse_missing(graph)
    supervisor = Supervisor(graph, settings)
    with progress_view(sys.stdout) as view:
        supervisor.on_progress = view.show
        supervisor.on_warning = view.print
        supervisor.on_note = view.print
        report = supervisor.run()
    _check_whole(report)
    return report


def _check_whole(report: Report) -> None:
    """Check that every frame of the video was seen.

    Raises:
        ConfigError: the graph leaves frames out.
        EngineError: the run failed, or the video cannot be read to its end.
        KeyboardInterrupt: it was stopped.
    """
    if report.outcome == "stopped":
        raise KeyboardInterrupt
    [source] = report.sources
    if error := report.failure or source.failure:
        raise EngineError(error)
    if source.sampled_away:
        raise ConfigError(
            f"{source.address}: the graph's source leaves out {source.sampled_away} of"
            f" {source.decoded} frames, wanted all: its truth counts frames"
        )
    if not source.emitted:
        raise EngineError(f"{source.address}: has no frames")
