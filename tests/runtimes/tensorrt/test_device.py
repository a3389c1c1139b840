"""A GPU that an engine does not fit is refused in a sentence; the driver is a stand-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from streamdet.errors import EngineError
from streamdet.runtimes.tensorrt.device import Device, check_device, find_device


@dataclass
class Driver:
    """Answers as libcuda does: 0, or the code of what is wrong; results go to what it is given."""

    codes: dict[str, int] = field(default_factory=dict)
    version: int = 13000
    capability: tuple[int, int] = (8, 9)
    free: int = 1000
    called: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu"):
            raise AttributeError(name)

        def answer(*arguments: Any) -> int:
            self.called.append(name)
            values = {"cuDriverGetVersion": self.version, "cuMemGetInfo_v2": self.free}
            if name == "cuDeviceGetAttribute":
                arguments[0]._obj.value = self.capability[arguments[1] - 75]
            elif name in values:
                arguments[0]._obj.value = values[name]
            return self.codes.get(name, 0)

        return answer


def test_a_gpu_has_a_target_and_free_memory() -> None:
    driver = Driver(capability=(12, 0), free=5)
    assert find_device(driver) == Device("sm_120", 5)
    assert driver.called[-1] == "cuDevicePrimaryCtxRelease_v2"


def test_a_machine_without_a_gpu_is_told_so() -> None:
    with pytest.raises(EngineError, match="finds no GPU: cuInit answered 100"):
        find_device(Driver(codes={"cuInit": 100}))


def test_an_old_driver_is_told_what_it_has_and_what_is_wanted() -> None:
    with pytest.raises(EngineError, match=r"too old: it has CUDA 12\.4, .* need CUDA 13\.0"):
        find_device(Driver(version=12040))


def test_the_context_is_let_go_where_the_driver_fails() -> None:
    driver = Driver(codes={"cuMemGetInfo_v2": 2})
    with pytest.raises(EngineError, match="cuMemGetInfo_v2 answered 2"):
        find_device(driver)
    assert driver.called[-2:] == ["cuCtxPopCurrent_v2", "cuDevicePrimaryCtxRelease_v2"]


def test_an_engine_for_another_gpu_is_refused() -> None:
    with pytest.raises(EngineError, match="built for sm_89, sm_120, the GPU here is sm_90"):
        check_device(Device("sm_90", 10**9), ("sm_89", "sm_120"), 10)


def test_an_engine_that_is_larger_than_the_free_memory_is_refused() -> None:
    check_device(Device("sm_89", 3_000_000), ("sm_89",), 3_000_000)
    with pytest.raises(EngineError, match="takes at least 4 MB of GPU memory, 3 MB are free"):
        check_device(Device("sm_89", 3_000_000), ("sm_89",), 4_000_000)
