"""Works on what `streamdet record` has kept: a stage and those behind it, in this process.

No Redis is needed, and nothing but what is asked for is written: the graph's own sinks are left
out, which might alert somebody or overwrite the files of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.formats.stage_recording import NodeStart, RecordedInput, RecordingFile, StageHeader
from streamdet.graph import Node, PipelineGraph
from streamdet.image import ArrayImage
from streamdet.messages import EndOfStream, FrameMessage
from streamdet.models.input_size import hw_text, used_hws
from streamdet.models.model_config import Hw
from streamdet.run.choose_inputs import choose_inputs
from streamdet.run.choose_runtimes import choose_runtimes, measured_speed
from streamdet.sources import SourceInfo
from streamdet.sources.resolve import SourceItem
from streamdet.stages import Job
from streamdet.stages.group import StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.transport.bus import RunLayout
from streamdet.transport.memory_bus import MemoryBus
from streamdet.worker.build_stages import build_stages
from streamdet.worker.plan import NodePlan, RunPlan, WorkerPlan, class_names

GROUP: Final = "replay"


def stage_in(graph: PipelineGraph, header: StageHeader, stated: str | None) -> Node:
    """Find the node of a graph that takes what was recorded.

    Args:
        graph: any graph.
        header: of the recording.
        stated: the node, where the user names one.

    Raises:
        ConfigError: there is none, or it is not clear which.
    """
    if stated is not None:
        if stated not in graph.nodes or graph.nodes[stated].role == "source":
            known = ", ".join(node.name for node in graph.nodes.values() if node.role != "source")
            raise ConfigError(f"--stage {stated}: {graph.name} has no such node; it has {known}")
        return graph.nodes[stated]
    same = graph.nodes.get(header.stage)
    if same is not None and same.role == header.role:
        return same
    alike = graph.nodes_of_role(header.role)
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(node.name for node in alike) or "none"
    raise ConfigError(
        f"the recording is of {header.stage!r}, a {header.role}; {graph.name} has {names} of those:"
        " name the node with --stage"
    )


class Replay:
    """A recording and the part of a graph that works on it.

    Args:
        path: the recording.
        graph: any graph; the sinks that `outputs` names are kept, the others left out.
        stage: the node that takes the input; None: see `stage_in`.
        outputs: names of sinks.

    Attributes:
        header: of the recording.
        stage: the node that takes it.
        class_names: model name -> its class names.
        runtimes: node -> what runs it, once `results` has begun.
        problem: where the recording is cut off, in a sentence, once `results` has ended.

    Raises:
        ConfigError: the recording cannot be read, does not fit, or lacks images that are needed.
    """

    def __init__(
        self, path: Path, graph: PipelineGraph, stage: str | None, outputs: Sequence[str]
    ) -> None:
        self._path = path
        file = RecordingFile(path)
        blocks = list(file.without_images())
        self._starts = [block for block in blocks if isinstance(block, NodeStart)]
        frames = (each for each in blocks if isinstance(each, FrameMessage))
        infos = {each.source_id: SourceInfo(each.frame.hw, None) for each in frames}
        self.header, self.problem = file.header, ""
        self._files = tuple(name for name in infos if name in file.header.file_sources)
        self.runtimes: dict[str, str] = {}
        self.stage = stage_in(graph, self.header, stage)
        after = {self.stage.name, *(node.name for node in graph.downstream(self.stage.name))}
        self._names = [
            node.name
            for node in graph.nodes.values()
            if node.name in after and (node.role != "sink" or node.name in outputs)
        ]
        chosen = choose_inputs(
            _over(graph, infos), infos, lambda node: measured_speed(graph, node, lambda: False)
        )
        self.stage = chosen.graph.nodes[self.stage.name]
        self._graph = choose_runtimes(self._as_recorded(chosen.graph), lambda: False).graph
        self.stage = self._graph.nodes[self.stage.name]
        self.class_names = {**self.header.class_names, **class_names(graph)}

    def results(self, folder: Path) -> Iterator[FrameMessage]:
        """Work on the recording; yields each frame as the last node before the sinks leaves it.

        Args:
            folder: for what a sink keeps while it works.

        Raises:
            StreamdetError: a stage cannot be made, images are missing, or a sink cannot write.
        """
        file = RecordingFile(self._path)
        pixels = PixelStore(MemoryBus(RunLayout(self.header.run_id, {}, {})), {}, lambda: None)
        group, self.runtimes = build_stages(self._plan(folder), pixels)
        self._last = next(name for name in reversed(self._names) if self._is_before_sinks(name))
        self._restore(group)
        running: dict[str, None] = {}
        for block in file.blocks():
            if not isinstance(block, RecordedInput):
                continue
            if isinstance(block.message, EndOfStream):
                running.pop(block.message.source_id, None)
                _finish(group, block.message.source_id)
            else:
                running[block.message.source_id] = None
                yield self._work(group, self._job(block, block.message))
        for source_id in running:
            _finish(group, source_id)
        group.close()
        self.problem = file.problem

    def _is_before_sinks(self, name: str) -> bool:
        return name == self.stage.name or self._graph.nodes[name].role != "sink"

    def _work(self, group: StageGroup, job: Job) -> FrameMessage:
        message = group.process([job])[self._last][0].message
        _commit(group)
        return message

    def _job(self, entry: RecordedInput, message: FrameMessage) -> Job:
        """Make a job of a recorded frame, with the images that the stage reads.

        Raises:
            ConfigError: they were not recorded, or are not of the size that it takes.
        """
        if message.drop_reason is None:
            self._check_images(entry)
            if self.stage.role == "detector" and message.prepared is not None:
                self._check_size(message.prepared.hw)
        image = None if entry.image is None else ArrayImage(entry.image)
        return Job(message, image, entry.prepared)

    def _check_images(self, entry: RecordedInput) -> None:
        """Refuse a recording without the images that the stage, or a detector on crops, reads."""
        lacks = {"transform": entry.image is None, "detector": entry.prepared is None}
        if not self.stage.on_crops and lacks.get(self.stage.role, False):
            kind = "source images" if entry.prepared is not None else "images"
            raise ConfigError(
                f"{self._path} has no {kind}, which {self.stage.name} needs: record it again with"
                f" `--stage {self.stage.name} --images`"
            )
        for name in self._names if entry.image is None else ():
            if self._graph.nodes[name].on_crops:
                raise ConfigError(
                    f"{self._path} has no source images, which {name} needs to look at crops:"
                    f" record what comes to it, with `--stage {name} --images`"
                )

    def _check_size(self, hw: Hw) -> None:
        model = self.stage.model
        sizes = () if model is None or model.input is None else used_hws(model)
        if sizes and hw not in sizes:
            raise ConfigError(
                f"{self._path} has images of {hw_text(hw)}, but {self.stage.name} takes"
                f" {', '.join(map(hw_text, sizes))}: record what its transform reads instead, and"
                " replay from there"
            )

    def _restore(self, group: StageGroup) -> None:
        """Let trackers and analytics go on from where they were; other nodes begin anew."""
        kinds = {name: self._graph.nodes[name].kind for name in self._names}
        starts = [start for start in self._starts if kinds.get(start.node) == start.kind]
        states: dict[str, dict[str, bytes]] = {}
        for start in starts:
            if start.state:
                states.setdefault(start.node, {})[start.source_id] = start.state
        group.restore(states)
        for start in starts:
            group.process_one(start.node, [Job(message) for message in start.messages])
        _commit(group)

    def _as_recorded(self, graph: PipelineGraph) -> PipelineGraph:
        """Let the stage run its network as the run did, unless the graph says how."""
        options, stated = self.stage.options, self.header.runtime
        is_same = self.stage.kind == self.header.kind
        if not stated or not is_same or getattr(options, "runtime", None) != "auto":
            return graph
        node = replace(self.stage, options=options.model_copy(update=dict(stated)))
        return replace(graph, nodes={**graph.nodes, node.name: node})

    def _plan(self, folder: Path) -> WorkerPlan:
        """Plan one worker that has all the nodes."""
        header, graph = self.header, self._graph
        run = RunPlan(
            layout=RunLayout(header.run_id, {}, {}),
            redis_url="",
            folder=folder,
            pools={},
            source_names={name: name for name in self._files},
            class_names=self.class_names,
            max_in_flight=1,
            events="events",
        )
        return WorkerPlan(
            run=run,
            number=0,
            group=GROUP,
            consumer=GROUP,
            nodes=tuple(self._node_plan(graph.nodes[name]) for name in self._names),
            batch=1,
            max_wait_s=0.0,
            is_ordered=True,
            items=(),
            source_ids=self._files,
            reads_pools=frozenset(),
        )

    def _node_plan(self, node: Node) -> NodePlan:
        inside = (name for name in node.reads if name in self._names)
        parent = None if node.name == self.stage.name else next(inside, None)
        return NodePlan(replace(node, device="cpu"), parent, (), 0)


def _over(graph: PipelineGraph, infos: Mapping[str, SourceInfo]) -> PipelineGraph:
    """Let the sources of a graph be those that were recorded, whose sizes are known."""
    items = tuple(SourceItem(source_id, source_id) for source_id in infos)
    sources = {n.name: replace(n, items=items) for n in graph.nodes_of_role("source")}
    return replace(graph, nodes={**graph.nodes, **sources})


def _finish(group: StageGroup, source_id: str) -> None:
    group.finish(source_id)
    _commit(group)


def _commit(group: StageGroup) -> None:
    """Do what a step does, but for the bus: what sinks hold back until then is written."""
    group.take_news()
    group.committed()
