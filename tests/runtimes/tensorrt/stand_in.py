"""Stands in for TensorRT's module where an engine is executed: its network copies what it is shown.

It has what engine.py calls, with the names, arguments and answers of TensorRT's documentation, and
refuses what TensorRT refuses: an address or a shape that is missing, a batch out of the profile.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from streamdet.transport.cuda_device import CudaDevice

ENGINE: Final = b"engine"
SHAPE: Final = (-1, 3, 4, 6)
MOST: Final = 3
"""Images, of the profile."""


class Context:
    """Of execution: `seen` becomes `image`."""

    def __init__(self, gpu: CudaDevice, log: Any) -> None:
        self._gpu, self._log = gpu, log
        self._images = 0
        self.addresses: dict[str, int] = {}
        self.runs = 0

    def set_input_shape(self, name: str, shape: Any) -> bool:
        assert name == "image"
        assert 1 <= shape[0] <= MOST
        assert tuple(shape[1:]) == SHAPE[1:]
        self._images = shape[0]
        return True

    def infer_shapes(self) -> list[str]:
        return [] if self._images else ["image"]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self._images or -1, *SHAPE[1:])

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        if sorted(self.addresses) != ["image", "seen"] or not self._images:
            self._log.log("ERROR", "an address or a shape is missing")
            return False
        assert stream_handle == self._gpu.stream_address
        import pycuda.driver

        size = 4 * math.prod(self.get_tensor_shape("seen"))
        to, given = self.addresses["seen"], self.addresses["image"]
        pycuda.driver.memcpy_dtod_async(to, given, size, self._gpu.stream)
        self.runs += 1
        return True


class Engine:
    """With one input and one output of a free batch."""

    num_io_tensors = 2

    def __init__(self, gpu: CudaDevice, log: Any) -> None:
        self.context = Context(gpu, log)

    def get_tensor_name(self, index: int) -> str:
        return ("seen", "image")[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == "image" else "out"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return SHAPE

    def get_tensor_dtype(self, name: str) -> Any:
        return np.float32

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        assert (name, profile) == ("image", 0)
        return [(images, *SHAPE[1:]) for images in (1, 2, MOST)]

    def create_runtime_config(self) -> Any:
        return SimpleNamespace(cuda_graph_strategy="none")

    def create_execution_context(self, config: Any = None) -> Context:
        assert config is None or config.cuda_graph_strategy == "whole"
        return self.context


def module(gpu: CudaDevice, engines: list[Engine], *, is_rtx: bool = False) -> Any:
    """Make the module; what it deserialises is added to `engines`."""

    class Runtime:
        def __init__(self, log: Any) -> None:
            self._log = log

        def deserialize_cuda_engine(self, content: bytes) -> Engine | None:
            if content != ENGINE:
                self._log.log("ERROR", "magic tag does not match")
                return None
            engines.append(Engine(gpu, self._log))
            return engines[-1]

    registered: list[str] = []
    registry = SimpleNamespace(register_creator=lambda creator, space: registered.append(space))
    plain = [f"IPluginV3{part}" for part in ("", "OneCore", "OneBuild", "OneRuntime")]
    severity = SimpleNamespace(ERROR="ERROR", INTERNAL_ERROR="INTERNAL_ERROR")
    strategies = {"CudaGraphStrategy": SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole")}
    return SimpleNamespace(
        Runtime=Runtime,
        ILogger=type("ILogger", (), {"Severity": severity}),
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        nptype=lambda dtype: dtype,
        get_plugin_registry=lambda: registry,
        PluginFieldType=SimpleNamespace(UNKNOWN=0),
        PluginField=lambda *arguments: arguments,
        PluginFieldCollection=list,
        IPluginCreatorV3One=type("IPluginCreatorV3One", (), {}),
        **{name: type(name, (), {}) for name in plain},
        **(strategies if is_rtx else {}),
    )
