"""The process that builds one engine: `python -m streamdet.runtimes.tensorrt.child PARENT FOLDER`.

FOLDER holds work.json; engine and answer.json are written into it. See `compile`.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from streamdet.errors import EngineError, StreamdetError
from streamdet.runtimes.tensorrt.library import Library, load_library
from streamdet.runtimes.tensorrt.log import make_log
from streamdet.runtimes.tensorrt.plugins import register
from streamdet.system.process import die_with_parent, set_name

_WORKSPACE: Final = 1 << 32
_ADDR_NO_RANDOMIZE: Final = 0x0040000  # of personality(2)
_ASK: Final = 0xFFFFFFFF
_NAME: Final = "streamdet.runtimes.tensorrt.child"


def main(arguments: Sequence[str]) -> None:
    """Build once."""
    _fix_addresses(arguments)
    parent, folder = arguments
    die_with_parent(int(parent))
    set_name("sd:engine", "streamdet builds an engine")
    place = Path(folder)
    try:
        answer = build(json.loads((place / "work.json").read_text()), place)
    except StreamdetError as exc:
        answer = {"failure": str(exc), "kind": type(exc).__name__}
    (place / "answer.json").write_text(json.dumps(answer))


def _fix_addresses(arguments: Sequence[str]) -> None:
    """Begin again without random addresses, so that the same network gives the same bytes.

    TensorRT-RTX (1.7) orders something by address: of three builds with a free batch no two were
    alike. Where the kernel forbids it (Docker's filter does), this process goes on as it is.
    """
    personality = ctypes.CDLL(None).personality
    personality.argtypes = [ctypes.c_ulong]
    now = personality(_ASK)
    if now < 0 or now & _ADDR_NO_RANDOMIZE or personality(now | _ADDR_NO_RANDOMIZE) < 0:
        return
    os.execv(sys.executable, [sys.executable, "-m", _NAME, *arguments])  # noqa: S606


def build(work: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Build the engine into `folder`; returns the answer.

    Raises:
        StreamdetError: the library cannot be used, or refuses the network or a target.
    """
    library = load_library(work["library"])
    trt = library.module
    log = make_log(trt)
    creators = register(trt, {name: Path(path).read_bytes() for name, path in work["ptx"].items()})
    builder = trt.Builder(log)
    if builder is None:
        raise EngineError(f"{library.name} cannot build here: {log.why()}")
    network = builder.create_network(_flags(trt))
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(work["onnx"]):
        raise EngineError(f"{library.name} cannot read {_first_error(parser)}")
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # else layers have no types
    if not library.builds_for_any_gpu:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE)
    _set_targets(library, config, work["targets"])
    _add_profile(builder, network, config, work["batches"])
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EngineError(f"{library.name} cannot build the engine: {log.why()}")
    (folder / "engine").write_bytes(engine)
    del creators
    return {"version": library.version, "layers": log.layers}


def _flags(trt: Any) -> int:
    """Types as the ONNX file states them, where that is a choice (full TensorRT 10)."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _first_error(parser: Any) -> str:
    """Name the node at which the parser stopped, and say why."""
    if not parser.num_errors:
        return "the network: it does not say why"
    error = parser.get_error(0)
    why = " ".join(error.desc().split())[:300]
    return f"node {error.node_name()} ({error.node_operator()}): {why}"


def _set_targets(library: Library, config: Any, targets: Sequence[str]) -> None:
    if not library.builds_for_any_gpu:
        return  # the GPU that is here, which the caller has compared
    capabilities = [library.capability(target) for target in targets]
    config.num_compute_capabilities = len(capabilities)
    for index, capability in enumerate(capabilities):
        config.set_compute_capability(capability, index)


def _add_profile(builder: Any, network: Any, config: Any, batches: Sequence[int]) -> None:
    """State the least, the usual and the largest batch, where the network leaves it free."""
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    free = [each for each in inputs if tuple(each.shape)[:1] == (-1,)]
    if not free:
        return
    profile = builder.create_optimization_profile()
    for each in free:
        rest = tuple(each.shape)[1:]
        profile.set_shape(each.name, *((batch, *rest) for batch in batches))
    config.add_optimization_profile(profile)


if __name__ == "__main__":
    main(sys.argv[1:])
