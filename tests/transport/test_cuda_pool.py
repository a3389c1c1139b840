"""A pool in a GPU, emulated, between real processes that are killed; and machines that lack one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from streamdet.errors import ConfigError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.transport.cuda_device import check_device
from streamdet.transport.cuda_owner import Owner
from streamdet.transport.cuda_pool import CudaFramePool, CudaPool
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_pool import FOLDER
from tests.contracts.test_pool_contract import opened
from tests.emulation.emulated import EmulatedCuda

HW = (16, 20)
SLOT_BYTES = 16 * 20 * 3
SLOTS = 2
OTHER = """
import os, sys
from pathlib import Path
from streamdet.errors import StreamdetError
from streamdet.frame import FrameRef
from streamdet.transport.cuda_device import open_device
from streamdet.transport.cuda_pool import CudaPool
from streamdet.transport.pool import PoolPlan
pool = CudaPool.attach(
    PoolPlan("cuda", "bgr24", Path(sys.argv[1]), 2, 16 * 20 * 3, device="cuda:0")
)
for line in sys.stdin:
    what, slot, generation = line.split()
    ref = FrameRef("camera", int(slot), int(generation))
    try:
        if what == "read":
            image = pool.view(ref, (16, 20))
            values = {*open_device("cuda:0").download(image).ravel().tolist()}
            print(values if pool.is_current(ref) else "stale", flush=True)
            continue
        image = pool.claim(ref, (16, 20))
        open_device("cuda:0").upload(lambda out: out.fill(int(generation)), image)
        if what != "forget":
            pool.written(ref)
        if what == "settle":
            pool.settle()
        print("done", flush=True)
    except StreamdetError as exc:
        print(type(exc).__name__, exc, flush=True)
os._exit(0)
"""


class Other:
    """Another process with the same pool."""

    def __init__(self, cuda: EmulatedCuda, path: Path, **settings: str) -> None:
        self.process = cuda.python(OTHER, str(path), **settings)

    def does(self, what: str, slot: int, generation: int) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what} {slot} {generation}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


@pytest.fixture
def plan(emulated_cuda: EmulatedCuda) -> Iterator[PoolPlan]:
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    yield PoolPlan("cuda", "bgr24", path, SLOTS, SLOT_BYTES, device="cuda:0")
    path.unlink(missing_ok=True)


@pytest.fixture
def pool(plan: PoolPlan, emulated_cuda: EmulatedCuda) -> Iterator[CudaFramePool]:
    made = CudaPool.create(plan)
    yield made
    made.close()
    assert emulated_cuda.used_bytes() == 0


@contextmanager
def another(cuda: EmulatedCuda, plan: PoolPlan, **settings: str) -> Iterator[Other]:
    other = Other(cuda, plan.path, **settings)
    try:
        yield other
    finally:
        other.kill()


def read(pool: CudaFramePool, slot: int, generation: int) -> set[int]:
    image = pool.view(FrameRef("camera", slot, generation), HW)
    with opened(image) as device:
        return {*device.download(image).ravel().tolist()}


def write(pool: CudaFramePool, slot: int, generation: int) -> None:
    ref = FrameRef("camera", slot, generation)
    image = pool.claim(ref, HW)
    with opened(image) as device:
        device.upload(lambda out: out.fill(generation), image)
    pool.written(ref)


LATE_US = "3000"


def test_a_reader_waits_for_the_gpu_of_the_writer(
    pool: CudaFramePool, plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    with another(emulated_cuda, plan, EMULATED_CUDA_DELAY_US=LATE_US) as writer:
        for generation in range(1, 21):
            assert writer.does("write", 0, generation) == "done"
            assert read(pool, 0, generation) == {generation}


def test_without_the_event_it_would_read_too_early(
    pool: CudaFramePool, plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    with another(emulated_cuda, plan, EMULATED_CUDA_DELAY_US=LATE_US) as writer:
        wrong = 0
        for generation in range(1, 11):
            writer.does("forget", 0, generation)
            wrong += read(pool, 0, generation) != {generation}
    assert wrong > 0


def test_what_has_settled_outlives_its_writer(
    pool: CudaFramePool, plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    with another(emulated_cuda, plan, EMULATED_CUDA_DELAY_US=LATE_US) as writer:
        assert writer.does("settle", 1, 5) == "done"
        writer.kill()
        assert read(pool, 1, 5) == {5}


def test_what_has_not_settled_is_lost_with_its_writer(
    pool: CudaFramePool, plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    """Why `settle` comes before a commit; the reader does not wait for ever, and the slot serves
    the next writer."""
    with another(emulated_cuda, plan, EMULATED_CUDA_DELAY_US="2000000") as writer:
        assert writer.does("write", 1, 5) == "done"
        writer.kill()
    assert read(pool, 1, 5) == {0}
    write(pool, 1, 6)
    assert read(pool, 1, 6) == {6}


def test_a_killed_reader_leaves_the_pool_as_it_was(
    pool: CudaFramePool, plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    write(pool, 0, 3)
    pool.settle()
    with another(emulated_cuda, plan) as reader:
        assert reader.does("read", 0, 3) == "{3}"
        reader.kill()
    assert read(pool, 0, 3) == {3}
    with another(emulated_cuda, plan) as reader:
        assert reader.does("read", 0, 3) == "{3}"


def test_a_reader_sees_a_slot_that_another_process_used_again(
    pool: CudaFramePool, plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    write(pool, 0, 3)
    ref = FrameRef("camera", 0, 3)
    image = pool.view(ref, HW)
    with another(emulated_cuda, plan) as writer:
        writer.does("settle", 0, 4)
    with opened(image) as device:
        device.download(image)
    assert not pool.is_current(ref)
    with pytest.raises(StalePixelsError):
        pool.view(ref, HW)


def kill_owner() -> None:
    process = Owner.of("cuda:0").process
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)


def test_memory_of_a_killed_owner_that_the_driver_keeps_goes_on_serving(
    plan: PoolPlan, emulated_cuda: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_ORPHANS", "kept")
    pool = CudaPool.create(plan)
    write(pool, 0, 3)
    pool.settle()
    kill_owner()
    assert read(pool, 0, 3) == {3}
    with another(emulated_cuda, plan) as late:
        assert late.does("read", 0, 3).startswith("EngineError the process that holds the images")
    pool.close()
    assert emulated_cuda.used_bytes() == 0


def test_memory_of_a_killed_owner_that_the_driver_takes_away_is_an_error(
    plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    pool = CudaPool.create(plan)
    with another(emulated_cuda, plan, EMULATED_CUDA_ORPHANS="fault") as other:
        assert other.does("settle", 0, 3) == "done"
        kill_owner()
        assert other.does("read", 0, 3).startswith("CudaError an image cannot be copied")
        assert other.does("settle", 0, 4).startswith("CudaError")
    pool.close()
    assert emulated_cuda.used_bytes() == 0


def test_one_owner_holds_all_pools_of_a_run_and_ends_with_the_last(
    plan: PoolPlan, pool: CudaFramePool
) -> None:
    owner = Owner.of("cuda:0")
    path = plan.path.with_name(f"{plan.path.name}-2")
    second = CudaPool.create(PoolPlan("cuda", "bgr24", path, SLOTS, SLOT_BYTES, device="cuda:0"))
    assert Owner.of("cuda:0") is owner
    second.close()
    path.unlink()
    assert owner.process.poll() is None
    pool.close()
    assert owner.process.wait(timeout=60) == 0


def test_pools_whose_owner_was_killed_can_be_closed(plan: PoolPlan) -> None:
    path = plan.path.with_name(f"{plan.path.name}-2")
    second = PoolPlan("cuda", "bgr24", path, SLOTS, SLOT_BYTES, device="cuda:0")
    pools = [CudaPool.create(plan), CudaPool.create(second)]
    kill_owner()
    for pool in pools:
        pool.close()
    path.unlink()


MAKER = """
import os, sys
from pathlib import Path
from streamdet.transport.cuda_owner import Owner
from streamdet.transport.cuda_pool import CudaPool
from streamdet.transport.pool import PoolPlan
pool = CudaPool.create(
    PoolPlan("cuda", "bgr24", Path(sys.argv[1]), 2, 16 * 20 * 3, device="cuda:0")
)
print(Owner.of("cuda:0").process.pid, "pycuda" in sys.modules, flush=True)
sys.stdin.readline()
"""


def test_the_owner_dies_with_the_process_that_made_the_pool(
    plan: PoolPlan, emulated_cuda: EmulatedCuda
) -> None:
    """Which itself never opens the device."""
    maker = emulated_cuda.python(MAKER, str(plan.path))
    assert maker.stdout is not None
    owner, has_pycuda = maker.stdout.readline().split()
    assert has_pycuda == "False"
    assert emulated_cuda.used_bytes() == SLOTS * 1024
    maker.kill()
    maker.communicate(timeout=60)
    wait = subprocess.run(["timeout", "30", "tail", "--pid", owner, "-f", "/dev/null"], check=False)
    assert wait.returncode == 0
    assert emulated_cuda.used_bytes() == 0


def test_too_little_memory_is_a_sentence_and_leaves_nothing(
    plan: PoolPlan, emulated_cuda: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_MEMORY_MIB", "64")
    huge = PoolPlan("cuda", "bgr24", plan.path, 100, 1 << 20, device="cuda:0")
    with pytest.raises(
        ConfigError,
        match=r"cuda:0: GPU memory is full: 100 MiB wanted on cuda:0, 64 MiB are free \(pool .*"
        r" 100 slots; `slots` and `slot_hw`",
    ):
        CudaPool.create(huge)
    assert not plan.path.exists()
    assert emulated_cuda.used_bytes() == 0


CHECK = """
from streamdet.errors import ConfigError
from streamdet.transport.cuda_device import check_device
try:
    check_device("cuda:0")
except ConfigError as exc:
    print(exc)
"""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"EMULATED_CUDA_DEVICES": "0"}, "device cuda:0 cannot be used (cuInit failed: "),
        (
            {"EMULATED_CUDA_DRIVER_VERSION": "12040"},
            "it has CUDA 12.4, our kernels need CUDA 13.0 or newer (NVIDIA driver 580)",
        ),
        ({"LD_LIBRARY_PATH": ""}, "needs NVIDIA's driver, which cannot be loaded (libcuda.so.1"),
        (
            {"PYTHONPATH": str(Path(__file__).parents[2])},
            "needs PyCUDA, which is not installed: pip install",
        ),
    ],
    ids=["no GPU", "old driver", "no driver", "no PyCUDA"],
)
def test_a_machine_that_lacks_something_says_what(
    emulated_cuda: EmulatedCuda, settings: dict[str, str], sentence: str
) -> None:
    said, _ = emulated_cuda.python(CHECK, **settings).communicate(timeout=60)
    assert sentence in said
    assert said.count("\n") == 1


def test_a_gpu_that_is_not_there_is_named(emulated_cuda: EmulatedCuda) -> None:
    with pytest.raises(ConfigError, match="cuda:3 does not exist: this machine has 1 GPU, cuda:0"):
        check_device("cuda:3")
