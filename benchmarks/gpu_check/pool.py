"""The pool of images in GPU memory between processes, some of which are killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from select import select
from typing import Final

import numpy as np

from streamdet.frame import FrameRef
from streamdet.transport.cuda_device import open_device
from streamdet.transport.cuda_pool import CudaPool
from streamdet.transport.pool import PoolPlan

HW: Final = (1080, 1920)
ROUNDS: Final = 4
_ANSWER_S: Final = 60
_WRITER: Final = """
import sys
from pathlib import Path
from benchmarks.gpu_check.pool import plan_of, write
write(plan_of(Path(sys.argv[1])), int(sys.argv[2]))
sys.stdin.read()
"""


def plan_of(path: Path) -> PoolPlan:
    """Two slots of a 1080p image."""
    return PoolPlan("cuda", "bgr24", path, 2, HW[0] * HW[1] * 3, device="cuda:0")


def ref_of(generation: int) -> FrameRef:
    """The image of a generation: slots are used in turn."""
    return FrameRef("check", generation % 2, generation)


def write(plan: PoolPlan, generation: int) -> None:
    """Write an image that is all `generation`, record its event, say so."""
    import pycuda.driver as cuda

    pool, ref = CudaPool.attach(plan), ref_of(generation)
    image = pool.claim(ref, HW)
    stream = open_device(plan.device).stream
    cuda.memset_d8_async(image.pointer, generation, image.nbytes, stream)
    pool.written(ref)
    pool.settle()
    print("written", flush=True)


def killed_writers() -> str:
    """Have images written by processes that are killed, and read each after its writer's end.

    Returns:
        What was seen.

    Raises:
        AssertionError: an image was lost.
        StreamdetError: the device or its memory cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="streamdet-check-", dir="/dev/shm") as folder:
        plan = plan_of(Path(folder) / "pool")
        pool = CudaPool.create(plan)
        device = open_device(plan.device)
        try:
            for generation in range(1, ROUNDS + 1):
                _write_and_die(plan, generation)
                found = np.unique(device.download(pool.view(ref_of(generation), HW)))
                assert found.tolist() == [generation], f"image {generation} is lost: {found[:9]}"
        finally:
            pool.close()
            device.close()
    return f"{ROUNDS} writers killed, {ROUNDS} images read after them"


def _write_and_die(plan: PoolPlan, generation: int) -> None:
    command = [sys.executable, "-c", _WRITER, str(plan.path), str(generation)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        is_there = select([writer.stdout], [], [], _ANSWER_S)[0]
        said = writer.stdout.readline().strip() if is_there else "nothing in time"
        writer.kill()
    assert said == "written", f"a process could not write into the pool: {said}"
