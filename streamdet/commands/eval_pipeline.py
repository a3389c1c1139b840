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
from streamdet.errors import ConfigError, EngineError
from streamdet.evaluation.frames import read_published, score_frames
from streamdet.evaluation.offline import with_better_tracks
from streamdet.evaluation.scores import Scores
from streamdet.evaluation.truths.video import check_video_truth, read_video_truth
from streamdet.graph import Node, PipelineGraph
from streamdet.graph.sought import sought
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.report import Report
from streamdet.run.source_probe import PROBE_NODE, probe_alone, probe_path, read_probes
from streamdet.run.supervisor import PROBE_LIMIT_S, Supervisor
from streamdet.sources.resolve import SourceItem
from streamdet.trackers.offline import OfflineOptions
from streamdet.trackers.options import TrackerOptions


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
        graph, finishing = _without_finishing(graph_from(args))
        if finishing is not None and len(args.output) > 1:
            raise ConfigError(
                f"--output {args.output[0]}: a run writes tracks as they come, before `offline`"
                " makes them better: `streamdet archive` writes the better ones"
            )
        _check_truth(graph, settings, args.truth, Path(folder))
        report = _run_graph(graph, settings)
        frames = read_published(published)
    if finishing is not None:
        frames = with_better_tracks(frames, finishing)
    truth = read_video_truth(source, args.truth, len(frames), frames[0].hw)
    about = {"graph": graph.name, "fps": report.fps, **report.runtimes}
    if finishing is not None:
        about["offline"] = "tracks as an archive makes them"
    are_tracked = any(graph.nodes_of_role("tracker"))
    found = score_frames(frames, truth, sought(graph), are_tracked=are_tracked)
    return [replace(scores, about=about) for scores in found]


def _without_finishing(graph: PipelineGraph) -> tuple[PipelineGraph, OfflineOptions | None]:
    """Take what is done to finished tracks out of a graph, which cannot do it while it runs.

    Raises:
        ConfigError: its trackers want different things.
    """
    wanted, nodes = [], dict(graph.nodes)
    for node in graph.nodes_of_role("tracker"):
        if isinstance(node.options, TrackerOptions):
            wanted.append(node.options.finishing)
            by_hw = {hw: _online(options) for hw, options in node.tracking_by_hw.items()}
            nodes[node.name] = replace(node, options=_online(node.options), tracking_by_hw=by_hw)
    if any(each != wanted[0] for each in wanted):
        raise ConfigError(f"{graph.path}: `offline` must be the same for all trackers")
    return replace(graph, nodes=nodes), wanted[0] if wanted else None


def _online(options: TrackerOptions) -> TrackerOptions:
    return options.model_copy(update={"offline": False})


def _check_truth(
    graph: PipelineGraph, settings: DeploySettings, path: Path | None, folder: Path
) -> None:
    """Check before a long run that the truth may be the video's, if its header says what it is.

    Raises:
        ConfigError: it is not.
    """
    node, item = _only_item(graph)
    target = (PROBE_NODE, (node, probe_path(folder, node), settings.sources))
    probe_alone([target], folder, PROBE_LIMIT_S)
    info = read_probes(graph, folder).get(item.source_id)
    if info is not None and info.frame_count is not None:
        read_video_truth(item.uri, path, info.frame_count, info.hw)


def _only_item(graph: PipelineGraph) -> tuple[Node, SourceItem]:
    items = [(node, item) for node in graph.nodes_of_role("source") for item in node.items]
    if len(items) != 1:
        raise ConfigError(f"--source: wanted one video, got {len(items)}")
    return items[0]


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
