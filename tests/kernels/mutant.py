"""A process that runs one check on kernels that are wrong; what they break breaks here only."""

from __future__ import annotations

import multiprocessing
import os
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from streamdet.config.files import shipped
from streamdet.kernels.launch import Launch
from tests.emulation.emulated import EmulatedCuda, image
from tests.kernels.checks import CHECKS
from tests.kernels.on_device import OnDevice

LONGEST_S: Final = 100
_SURVIVED: Final = 0
_NOTICED: Final = 3


@dataclass(frozen=True, slots=True)
class Shrink:
    """A launch that is wrong: its longest grid axis, or its block along x, is one too short.

    Attributes:
        kernel: which one; others are launched as they should be.
        part: what is too small.
    """

    kernel: str
    part: Literal["grid", "block"]

    def __call__(self, launch: Launch) -> Launch:
        """Change a launch; an axis of 1 stays."""
        if launch.kernel != self.kernel:
            return launch
        if self.part == "block":
            return replace(launch, block=_less(launch.block, 0))
        axis = max(range(3), key=lambda place: launch.grid[place])
        return replace(launch, grid=_less(launch.grid, axis))


def _less(sizes: tuple[int, int, int], axis: int) -> tuple[int, int, int]:
    changed = [max(size - (place == axis), 1) for place, size in enumerate(sizes)]
    return changed[0], changed[1], changed[2]


class _Wrong(OnDevice):
    """Launches kernels otherwise than it is asked to."""

    shrink: Shrink | None = None

    def run(self, launches: list[Launch]) -> None:
        """Launch what has been changed."""
        changed = [self.shrink(each) for each in launches] if self.shrink else launches
        super().run(changed)


def passes(name: str, folder: Path | None = None, shrink: Shrink | None = None) -> bool:
    """Whether the check of an operation passes in both orders of threads, in a process of its own.

    One that crashes or does not end does not pass.

    Args:
        name: of the operation, see CHECKS.
        folder: of its source, by default the one that streamdet comes with.
        shrink: the launch that is wrong.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run, args=(name, folder, shrink))
    process.start()
    process.join(LONGEST_S)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode == _SURVIVED


def _run(name: str, folder: Path | None, shrink: Shrink | None) -> None:
    cuda = EmulatedCuda()
    try:
        source = (folder or shipped("engines/kernels")) / f"{name}.cu"
        for order in ("forward", "reversed"):
            os.environ["EMULATED_CUDA_ORDER"] = order
            with cuda.context():
                on = _Wrong(cuda.driver, cuda.driver.module_from_buffer(image(source)))
                on.shrink = shrink
                CHECKS[name](on)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        sys.stderr.flush()
        cuda.close()
        os._exit(_NOTICED)  # a broken context ends the process at exit
    cuda.close()
    os._exit(_SURVIVED)
