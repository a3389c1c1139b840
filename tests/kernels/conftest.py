"""Kernels, compiled by g++, on the emulated device; see tests/emulation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamdet.config.files import shipped
from tests.emulation.emulated import EmulatedCuda
from tests.kernels.on_device import OnDevice

Device = Callable[..., OnDevice]
"""The name of a file of kernels (and its folder, if it is another one) -> a device with them."""


BOTH_ORDERS = pytest.mark.parametrize("device", ["forward", "reversed"], indirect=True)
"""For kernels with barriers: the threads of a block run from the first to the last, and back."""


@pytest.fixture(scope="module")
def device(emulated_cuda: EmulatedCuda, request: pytest.FixtureRequest) -> Iterator[Device]:
    """Makes devices."""
    before = os.environ.get("EMULATED_CUDA_ORDER")
    os.environ["EMULATED_CUDA_ORDER"] = getattr(request, "param", "forward")
    with emulated_cuda.context():
        yield lambda name, folder=None: on_device(emulated_cuda, name, folder)
    if before is None:
        del os.environ["EMULATED_CUDA_ORDER"]
    else:
        os.environ["EMULATED_CUDA_ORDER"] = before


def on_device(cuda: EmulatedCuda, name: str, folder: Path | None = None) -> OnDevice:
    """A device with the kernels of one file; a context is current."""
    source = (folder or shipped("engines/kernels")) / f"{name}.cu"
    return OnDevice(cuda.driver, cuda.module(source))
