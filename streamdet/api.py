"""The Python front door: detectors for images, whole runs, their frames, and what they publish.

Everything here is what the command line does, by the same code: `run` is `streamdet run`, `read`
is a `streamdet tail` that shares its work. See docs/python.md.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamdet.config.deploy import load_settings
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import DetectorOptions, check_options, sized_by
from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.formats.published import PublishedMessage
from streamdet.graph import PipelineGraph, load_graph
from streamdet.graph.outputs import read_twice
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.registry import load as load_kind
from streamdet.run.frame_stream import FrameStream
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.report import Report, Snapshot
from streamdet.run.supervisor import Supervisor
from streamdet.transport.run_folder import live_servers
from streamdet.transport.tailing import WAIT_MS, read_group
from streamdet.worker.plan import class_names

AnyPath = str | os.PathLike[str]
Paths = AnyPath | Sequence[AnyPath]
OneImage = Pixels | AnyPath

_log: Final = logging.getLogger("streamdet")


class LoadedDetector:
    """A detector for whole images of any size; make it with `load`.

    Attributes:
        classes: what class ids mean, index by index.
        runtime: what runs its network.
    """

    def __init__(self, detect: ImageDetector, classes: tuple[str, ...], runtime: str) -> None:
        self._detect = detect
        self.classes = classes
        self.runtime = runtime

    def __call__(self, images: OneImage | Sequence[OneImage]) -> list[Detections]:
        """Detect in images.

        Args:
            images: (H, W, 3) uint8 BGR arrays, paths of image files, or a list of these; one image
                is a list of one.

        Returns:
            One for each image, in its pixels.

        Raises:
            ConfigError: a file cannot be read as an image.
            ValueError: an array is no image.
        """
        return [self._detect(_pixels(image)) for image in _as_list(images)]


def load(model: AnyPath, **options: Any) -> LoadedDetector:
    """Load a detector with its network.

    Args:
        model: name of a shipped model (`streamdet models list`), or the path of a .yaml file.
        **options: of the kind of detector: score_thresh, iou_thresh, classes, runtime, threads ...
            (`streamdet kinds yolox`).

    Raises:
        ConfigError: there is no such model, it lacks its weights, or an option is wrong.
        EngineError: no runtime here can run it.
    """
    config = load_model_config(os.fspath(model))
    stated = {name: _plain(name, value) for name, value in options.items()}
    values = {**stated, "model": config.argument}
    kind = load_kind("detector", config.detector).Options
    checked_options: DetectorOptions = checked(kind, YamlText("load"), (), values)
    check_options(checked_options, config)
    config = sized_by(checked_options, config)
    detector, runtime = make_detector(checked_options, config)
    return LoadedDetector(ImageDetector(detector, config), config.classes, runtime)


def run(  # noqa: PLR0913  as `streamdet run` has arguments
    graph: AnyPath,
    *,
    sources: Paths = (),
    outputs: Paths = (),
    overrides: Mapping[str, Any] | None = None,
    redis: str | None = None,
    deploy: AnyPath = "local",
    on_progress: Callable[[Snapshot], None] = lambda snapshot: None,
) -> Report:
    """Run a graph to its end, as `streamdet run` does.

    In the main thread a stop signal (Ctrl-C) ends the run cleanly: the report's outcome is
    "stopped".

    Args:
        graph: a graph file, or the name of a shipped one.
        sources: files, folders, globs or scenes for the graph's source node.
        outputs: files to write besides: .mp4, .jsonl, .csv, .parquet or .txt (MOT).
        overrides: "node.option" -> value: {"detect.score_thresh": 0.4}.
        redis: the server, in place of the deploy file's.
        deploy: settings of this machine, or their path.
        on_progress: called about ten times a second.

    Returns:
        What became of every frame; `report.is_good` says whether all went well.

    Raises:
        StreamdetError: the run could not be started; nothing has been written.
    """
    loaded = load_graph(
        os.fspath(graph),
        sources=_texts(sources),
        outputs=_texts(outputs),
        overrides=_sets(overrides or {}),
    )
    supervisor = _supervisor(loaded, redis, deploy)
    supervisor.on_progress = on_progress
    return supervisor.run()


def stream(
    source: Paths = (),
    *,
    graph: AnyPath = "people",
    overrides: Mapping[str, Any] | None = None,
    redis: str | None = None,
    deploy: AnyPath = "local",
) -> FrameStream:
    """Run a graph and go through its frames: each once, and each source's in order.

    The same engine and processes as `run`. The run waits for the loop, and ends with it.

    Args:
        source: file, folder, glob or scene, or several; none: what the graph itself reads.
        graph: a graph file, or the name of a shipped one.
        overrides: "node.option" -> value.
        redis: the server, in place of the deploy file's.
        deploy: settings of this machine, or their path.

    Raises:
        StreamdetError: the run could not be started; what goes wrong later, the iterator raises.
    """
    loaded = load_graph(
        os.fspath(graph),
        sources=_texts(source),
        overrides=_sets(overrides or {}),
        to_caller=True,
    )
    return FrameStream(_supervisor(loaded, redis, deploy), class_names(loaded))


def read(
    stream: str = "detections",
    *,
    group: str,
    redis: str | None = None,
    consumer: str | None = None,
    idle_s: float | None = None,
    claim_after_s: float = 60.0,
) -> Iterator[PublishedMessage]:
    """Read what runs publish, shared among the consumers of a group: each message goes to one.

    A message is acknowledged when the next one is asked for. One that its consumer never came back
    from is given to another consumer of the group after `claim_after_s`.

    Args:
        stream: key of the Redis stream: the `stream` of a graph's redis_stream sink.
        group: name of the group; a new one begins with the oldest message that the stream holds.
        redis: the server; by default that of STREAMDET_REDIS, else that of the newest run
            on this machine.
        consumer: this reader's name in the group; by default one of its own.
        idle_s: end after so many seconds in which nothing came; None: go on for ever.
        claim_after_s: longer than anybody works on one message.

    Raises:
        ConfigError: there is no server to read from, or it refuses us.
        TransportError: it does not answer, or not any more.
    """
    return _messages(read_group(redis or _server(), stream, group, consumer, claim_after_s), idle_s)


def _messages(entries: Iterator[Any], idle_s: float | None) -> Iterator[PublishedMessage]:
    silent_s = 0.0
    for entry in entries:
        if entry is not None:
            silent_s = 0.0
            yield PublishedMessage.of_fields(entry.id, entry.fields)
            continue
        silent_s += WAIT_MS / 1000
        if idle_s is not None and silent_s >= idle_s:
            return


def _server() -> str:
    settings = load_settings()
    if not settings.is_embedded:
        return settings.redis.reveal()
    servers = list(live_servers().values())
    if not servers:
        raise ConfigError("no run is under way on this machine: name a server with redis=URL")
    return servers[0]


def _supervisor(graph: PipelineGraph, redis: str | None, deploy: AnyPath) -> Supervisor:
    settings = load_settings(os.fspath(deploy), redis=redis)
    refuse_missing(graph)
    if doubled := read_twice(graph):
        _log.warning(doubled)
    supervisor = Supervisor(graph, settings, on_warning=_log.warning)
    supervisor.on_note = _log.info
    return supervisor


def _sets(overrides: Mapping[str, Any]) -> list[str]:
    """Write overrides as the command line has them; JSON is YAML."""
    return [f"{key}={json.dumps(_plain(key, value))}" for key, value in overrides.items()]


def _plain(name: str, value: Any) -> Any:
    """Turn paths and tuples into what a YAML file can hold."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [_plain(name, item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ConfigError(f"{name} must be text, a number, true or false, or a list, got {value!r}")


def _texts(paths: Paths) -> list[str]:
    return [os.fspath(path) for path in _as_list(paths)]


def _as_list(items: Any) -> list[Any]:
    """Make a list of one of a single image or path."""
    is_one = isinstance(items, (str, os.PathLike)) or (
        isinstance(items, np.ndarray) and items.ndim != 4
    )
    return [items] if is_one else list(items)


def _pixels(image: OneImage) -> Pixels:
    if not isinstance(image, np.ndarray):
        return read_image(Path(image))
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"an image must be (H, W, 3) uint8, got {image.shape} {image.dtype}")
    return image
