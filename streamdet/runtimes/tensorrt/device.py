"""The GPU and its driver, asked through CUDA's driver API; and whether an engine fits them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamdet.errors import EngineError
from streamdet.kernels.driver import call, load_driver, why_too_old

_CAPABILITY: Final = (75, 76)  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU.

    Attributes:
        target: its compute capability, "sm_90".
        free_bytes: of its memory.
    """

    target: str
    free_bytes: int


def find_device(driver: Any = None) -> Device:
    """Look at the first GPU.

    Args:
        driver: CUDA's driver library, loaded by ctypes; None: the one of this machine.

    Raises:
        EngineError: there is no driver, it is too old, or it has no GPU.
    """
    driver = load_driver() if driver is None else driver
    if code := driver.cuInit(0):
        raise EngineError(f"the NVIDIA driver finds no GPU: cuInit answered {code}")
    version = ctypes.c_int()
    call(driver, "cuDriverGetVersion", ctypes.byref(version))
    if reason := why_too_old(version.value):
        raise EngineError(reason)
    device = ctypes.c_int()
    call(driver, "cuDeviceGet", ctypes.byref(device), 0)
    sides = [ctypes.c_int() for _ in _CAPABILITY]
    for side, attribute in zip(sides, _CAPABILITY, strict=True):
        call(driver, "cuDeviceGetAttribute", ctypes.byref(side), attribute, device)
    return Device("sm_" + "".join(str(side.value) for side in sides), _free_bytes(driver, device))


def check_device(device: Device, targets: Sequence[str], engine_bytes: int) -> None:
    """Refuse a GPU that an engine was not built for, or that has no room for it.

    Args:
        device: the GPU.
        targets: what the engine was built for.
        engine_bytes: of its file; its weights take as much, its tensors come on top.

    Raises:
        EngineError: it does not fit.
    """
    if device.target not in targets:
        raise EngineError(
            f"the engine was built for {', '.join(targets)}, the GPU here is {device.target}:"
            f" build it with --target {device.target}"
        )
    if device.free_bytes < engine_bytes:
        raise EngineError(
            f"the engine takes at least {engine_bytes / 1e6:.0f} MB of GPU memory,"
            f" {device.free_bytes / 1e6:.0f} MB are free"
        )


def _free_bytes(driver: Any, device: ctypes.c_int) -> int:
    """Ask in the primary context, which is let go again."""
    context, free, total = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t()
    call(driver, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        call(driver, "cuCtxPushCurrent_v2", context)
        try:
            call(driver, "cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        finally:
            call(driver, "cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
    finally:
        call(driver, "cuDevicePrimaryCtxRelease_v2", device)
    return free.value
