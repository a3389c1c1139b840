"""Several processes that train one network: torch's DistributedDataParallel, a device each.

Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 2020.
This was tried with two processes on a CPU (gloo) only; nobody has run it on GPUs (nccl).

The process that asks for it starts the ranks, which meet on loopback through a file. It takes the
first one's events, hands on a stop, and ends all when one dies; they die with it.

What N processes compute: the samples of a step are those that one process would take, the n-th of
each N for rank n, and gradients are averaged over ranks. So a loss that is a mean over images is
the same but for rounding. One that is normalised by a count over the batch (positives, sampled
regions) becomes the mean of N such losses and differs slightly, and each rank draws chance (sampled
regions, dropout) of its own. Batch norm normalises by a rank's own images, and its running
statistics are the first rank's: with few images a rank, begin with good ones and freeze them.
torch's SyncBatchNorm, which works on CUDA only, is not used. The same N gives the same weights, a
resumed training included, where one process does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError, EngineError, StreamdetError
from streamdet.system.process import die_with_parent, set_name
from streamdet.system.stop_signals import STOP_SIGNALS
from streamdet.training.callbacks import KeepBest
from streamdet.training.checkpoint import CHECKPOINT, read_checkpoint
from streamdet.training.loop import Event, Loop, Stopped, TrainingCallbacks
from streamdet.training.objectives import Objective
from streamdet.training.prepare import prepare, reproducible
from streamdet.training.recipe import Recipe
from streamdet.training.target import Target

_STOP: Final = "stop"  # a file that says so
_SPAWN: Final = multiprocessing.get_context("spawn")  # CUDA does not outlive a fork
_STEP_TIMEOUT: Final = timedelta(minutes=10)
_MEASUREMENT_TIMEOUT: Final = timedelta(days=1)  # the others wait while the first measures
_POLL_S: Final = 0.2
_GRACE_S: Final = 2.0  # a rank that dies takes the others with it: whose fault it was shows by then

_Said = TypeVar("_Said")


@dataclass(frozen=True, slots=True)
class Job:
    """What is trained; as `prepare` takes it."""

    recipe: Recipe
    text: YamlText
    folder: Path
    resumes: bool


class Failure(NamedTuple):
    """Of a rank: an error to be told as it is, or where another exception came from."""

    error: StreamdetError | None
    text: str


class RankError(Exception):
    """The traceback of a rank, as a cause for --debug."""


def count_processes(recipe: Recipe, image_count: int) -> int:
    """Count the processes that a training wants.

    Args:
        recipe: says on how many devices.
        image_count: of an epoch.

    Raises:
        ConfigError: there are not as many CUDA devices, a step cannot be shared evenly, or `kept`
            goes with one process only.
    """
    found = torch.cuda.device_count()
    if recipe.kept is not None and (recipe.devices or 1) > 1:
        raise ConfigError("kept: goes with one process, not with devices above 1")
    wanted = recipe.devices or (max(1, found) if recipe.kept is None else 1)
    if 0 < found < wanted:
        raise ConfigError(f"devices: {wanted} are wanted, but torch finds {found} CUDA devices")
    shared = min(recipe.batch, image_count)
    if shared % wanted:
        raise ConfigError(
            f"batch: the {shared} images of a step cannot be shared evenly by {wanted} devices:"
            " change batch or devices"
        )
    return wanted


def train_together(
    job: Job,
    loop: Loop,
    processes: int,
    wants_stop: Callable[[], bool],
    context: SpawnContext | ForkContext = _SPAWN,
) -> Iterator[Event]:
    """Train in several processes; yields what `Loop.run` would.

    A rank makes its next step once the event is taken, so what the caller writes down of it stands
    before a checkpoint of that step does.

    Args:
        job: what is trained.
        loop: the same, prepared here; stands where the training does when it ends.
        processes: how many.
        wants_stop: asked now and then.
        context: how the processes are started.

    Raises:
        ConfigError: an image cannot be read.
        EngineError: a loss is no finite number any more, or a process died.
    """
    # torch warns of `find_unused_parameters` where this batch has none.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    resource_tracker.ensure_running()  # when it starts it lets through signals that are held back
    ranks: list[_Rank] = []
    with TemporaryDirectory(prefix="streamdet-") as meeting:
        try:
            for number in range(processes):
                seat = _Seat(number, processes, Path(meeting), os.getpid())
                own, others = context.Pipe()
                process = context.Process(target=_train, args=(job, seat, others))
                _start(process)
                others.close()
                ranks.append(_Rank(process, own))
            yield from _events(ranks, wants_stop, Path(meeting) / _STOP)
        finally:
            for rank in ranks:
                rank.process.kill()
                rank.process.join()
    loop.go_on_from(read_checkpoint(job.folder / CHECKPOINT))


class _Seat(NamedTuple):
    rank: int
    size: int
    meeting: Path
    parent: int


@dataclass(slots=True)
class _Rank:
    process: BaseProcess
    pipe: Connection
    failure: Failure | None = None

    def received(self) -> Event | None:
        """Take a message that has come: an event, or how it failed."""
        with suppress(EOFError, ConnectionError):
            while self.pipe.poll():
                message: Event | Failure = self.pipe.recv()
                if not isinstance(message, Failure):
                    return message
                self.failure = message
        return None


def _start(process: BaseProcess) -> None:
    """Start a rank that no stop signal reaches: they go to the whole group, and count here."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _events(ranks: Sequence[_Rank], wants_stop: Callable[[], bool], stop: Path) -> Iterator[Event]:
    first, running = ranks[0], [*ranks]
    while running:
        pipes = [first.pipe] if first in running else []
        wait([*pipes, *(rank.process.sentinel for rank in running)], _POLL_S)
        running = [rank for rank in running if rank.process.is_alive()]
        if wants_stop():
            stop.touch()
        if (event := first.received()) is not None:
            yield event
            with suppress(ConnectionError):
                first.pipe.send(None)
        if any(rank.process.exitcode for rank in ranks):
            raise _cause(ranks)


def _cause(ranks: Sequence[_Rank]) -> StreamdetError:
    """Say why ranks died: an error of ours, else a kill, else the first exception."""
    until = time.monotonic() + _GRACE_S
    for rank in ranks:
        rank.process.join(max(0.0, until - time.monotonic()))
        rank.received()
    failures = [rank.failure for rank in ranks if rank.failure is not None]
    for failure in failures:
        if failure.error is not None:
            return failure.error
    for number, rank in enumerate(ranks):
        code = rank.process.exitcode
        if code and rank.failure is None:
            way = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
            return EngineError(
                f"training process {number + 1} of {len(ranks)} {way}, so all stopped;"
                " --resume goes on from the last checkpoint"
            )
    error = EngineError(f"a training process failed: {failures[0].text.splitlines()[-1]}")
    error.__cause__ = RankError(failures[0].text)
    return error


def _train(job: Job, seat: _Seat, pipe: Connection) -> None:
    """Be a rank."""
    die_with_parent(seat.parent)
    set_name(f"sd:train-{seat.rank}")
    try:
        _train_share(job, seat, pipe)
    except Exception as exc:  # noqa: BLE001 (told by who started it)
        error = exc if isinstance(exc, StreamdetError) else None
        with suppress(ConnectionError):
            pipe.send(Failure(error, traceback.format_exc().strip()))
        os._exit(1)  # torch would wait for the others


def _train_share(job: Job, seat: _Seat, pipe: Connection) -> None:
    warnings.filterwarnings("ignore", "Grad strides do not match")  # those of axes of length 1
    if torch.cuda.is_available():
        torch.cuda.set_device(seat.rank)
    elif job.recipe.threads is None:
        torch.set_num_threads(max(1, torch.get_num_threads() // seat.size))
    with reproducible(job.recipe):
        prepared = prepare(job.recipe, job.text, job.folder, resumes=job.resumes)
        control = _meet(seat)
        loop = prepared.loop
        loop.team = _Ranks(loop.network, loop.objective, seat)
        is_first = seat.rank == 0
        stop = seat.meeting / _STOP
        keeper = KeepBest(prepared, job.recipe, job.folder, stop.exists) if is_first else None
        for event in loop.run(_Agreed(keeper, control)):
            if is_first:
                pipe.send(event)
                pipe.recv()
    distributed.destroy_process_group()


def _meet(seat: _Seat) -> distributed.ProcessGroup:
    """Join the ranks; returns a second group of theirs, whose patience lasts for a measurement."""
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", "lo")
    distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        store=distributed.FileStore(str(seat.meeting / "store"), seat.size),  # type: ignore[attr-defined]
        rank=seat.rank,
        world_size=seat.size,
        timeout=_STEP_TIMEOUT,
    )
    group = distributed.new_group(backend="gloo", timeout=_MEASUREMENT_TIMEOUT)
    assert isinstance(group, distributed.ProcessGroup)
    return group


class _Ranks:
    """The team of a rank; see `loop.Team`."""

    def __init__(self, network: nn.Module, objective: Objective, seat: _Seat) -> None:
        self.rank, self.size = seat.rank, seat.size
        # Parts without a positive in the batch have no gradient. Buckets stay as they are then,
        # which makes the sums of a resumed training those of an unbroken one.
        self._together = DistributedDataParallel(
            _Losses(network, objective), find_unused_parameters=True
        )

    def losses(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self._together(images, targets)
        return losses

    def mean(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        values = torch.stack([each.detach() for each in losses.values()])
        distributed.all_reduce(values)
        return dict(zip(losses, values / self.size, strict=True))


class _Losses(nn.Module):
    """The way from images to losses as one module, which DistributedDataParallel's hooks want."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self._objective = objective

    def forward(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        return self._objective(images, targets)


class _Agreed:
    """The company of a rank: what the first one's says; see `loop.Company`."""

    def __init__(self, company: TrainingCallbacks | None, group: distributed.ProcessGroup) -> None:
        """Join a rank's company, None but for the first, with the group that hears it."""
        self._company = company
        self._group = group

    def measure(self, network: nn.Module) -> dict[str, float] | None:
        metrics, is_stopped = None, False
        if self._company is not None:
            try:
                metrics = self._company.measure(network)
            except Stopped:
                is_stopped = True
        metrics, is_stopped = self._heard((metrics, is_stopped))
        if is_stopped:
            raise Stopped
        return metrics

    def keep(self, network: nn.Module, step: int) -> None:
        if self._company is not None:
            self._company.keep(network, step)

    def wants_stop(self) -> bool:
        return self._heard(self._company is not None and self._company.wants_stop())

    def _heard(self, said: _Said) -> _Said:
        told = [said]
        distributed.broadcast_object_list(told, src=0, group=self._group)
        return told[0]
