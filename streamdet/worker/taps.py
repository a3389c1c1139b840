"""Records what comes to a stage, for `streamdet record`, in the worker that has it.

A tracker's state is kept, too, as it is before the first recorded frame: that is a frame which has
not been read yet when the recording is asked for, so that every worker knows it in time.

Who wants a recording writes a file into the run's folder, and touches it as long as it is wanted;
each worker looks at it before each batch, which takes a microsecond. A worker writes a part of its
own: only there is every message, and its images while they may be read.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

import numpy as np

from streamdet import __version__
from streamdet.errors import StalePixelsError
from streamdet.formats.stage_recording import (
    NodeStart,
    RecordedInput,
    StageHeader,
    header_bytes,
    input_bytes,
    start_bytes,
)
from streamdet.image import AnyPixels, Pixels
from streamdet.messages import EndOfStream, FrameMessage
from streamdet.stages import Job
from streamdet.stages.pixels import PixelStore
from streamdet.system.atomic_file import replaced_whole
from streamdet.worker.plan import WorkerPlan

FILE: Final = "tap.json"
PART: Final = ".part"
PROBLEM: Final = ".problem"
STARTED: Final = ".started"
_STATEFUL: Final = frozenset({"tracker", "analytics"})
"""Roles whose states are per source, and a part of the result."""
FORGOTTEN_S: Final = 10.0
"""A recording whose file was not touched for so long is wanted no more: who wanted it has died."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recording that is wanted.

    Attributes:
        stage: name of the node.
        folder: where the parts go; absolute.
        images: whether images are wanted, too.
        graph: name of the run's graph.
        starts: source id -> index of the first frame to record; of other sources all are.
    """

    stage: str
    folder: str
    images: bool
    graph: str
    starts: dict[str, int] = field(default_factory=dict)

    def is_within(self, message: FrameMessage) -> bool:
        """Whether a frame belongs to the recording."""
        return message.index >= self.starts.get(message.source_id, 0)


def want(run_folder: Path, wanted: Wanted) -> None:
    """Ask the workers of a run for a recording; they begin with their next batch."""
    with replaced_whole(run_folder / FILE) as part:
        part.write_text(json.dumps(asdict(wanted)))


def want_still(run_folder: Path) -> None:
    """Say that the recording is still wanted; to be called every few seconds."""
    with suppress(FileNotFoundError):
        os.utime(run_folder / FILE)


def want_no_more(run_folder: Path) -> None:
    """End the recording."""
    (run_folder / FILE).unlink(missing_ok=True)


class Taps:
    """Records for one worker. A `stages.group.Tap`.

    Args:
        plan: of the worker.
        pixels: finds the images.
        states_of: gives the committed states of a node.
    """

    def __init__(
        self,
        plan: WorkerPlan,
        pixels: PixelStore,
        states_of: Callable[[str], Mapping[str, bytes]],
    ) -> None:
        self._plan = plan
        self._pixels = pixels
        self._states_of = states_of
        self._path = plan.run.folder / FILE
        self._nodes = [each.node for each in plan.nodes]
        self._roles = {node.name: node.role for node in self._nodes}
        self._kinds = {node.name: node.kind for node in self._nodes}
        self._seen = 0
        self._wanted: Wanted | None = None
        self._file: IO[bytes] | None = None
        self._has_failed = False
        self._started: set[tuple[str, str]] = set()

    def batch(self, node: str, jobs: Sequence[Job]) -> None:
        """Record what a stage is about to get, if that is wanted; never fails."""
        if (wanted := self._now()) is None:
            return
        if self._roles[node] in _STATEFUL:
            self._start(wanted, node, [job.message for job in jobs])
        if wanted.stage == node and not self._has_failed:
            within = [job for job in jobs if wanted.is_within(job.message)]
            self._write(wanted, [input_bytes(self._entry(job, wanted), compressed=False)
                                 for job in within])  # fmt: skip

    def end(self, node: str, source_id: str) -> None:
        """Record the end of a source."""
        if (wanted := self._now()) is not None and wanted.stage == node:
            end = RecordedInput(time.monotonic_ns(), EndOfStream(source_id, 0))
            self._write(wanted, [input_bytes(end, compressed=False)])

    def _start(self, wanted: Wanted, node: str, messages: Sequence[FrameMessage]) -> None:
        """Keep what a node knows of each source whose first recorded frame has come to it."""
        for source_id in {m.source_id for m in messages if wanted.is_within(m)}:
            if (node, source_id) not in self._started:
                self._started.add((node, source_id))
                of_source = [m for m in messages if m.source_id == source_id]
                start = NodeStart(
                    node,
                    self._kinds[node],
                    source_id,
                    self._states_of(node).get(source_id, b""),
                    tuple(m for m in of_source if not wanted.is_within(m)),
                )
                self._write(wanted, [start_bytes(start)])
                self._mark(wanted, f"{node}.{source_id}{STARTED}")

    def _mark(self, wanted: Wanted, name: str) -> None:
        with suppress(OSError):
            (Path(wanted.folder) / name).touch()

    def _now(self) -> Wanted | None:
        """Say what is wanted; a recording that is over is closed."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            found = None
        if found is None or time.time() - found.st_mtime > FORGOTTEN_S:
            self._close()
            self._seen, self._wanted = 0, None
        elif found.st_ino != self._seen:
            self._close()
            self._seen, self._has_failed = found.st_ino, False
            self._started.clear()
            self._wanted = Wanted(**json.loads(self._path.read_text()))
        return None if self._has_failed else self._wanted

    def _entry(self, job: Job, wanted: Wanted) -> RecordedInput:
        image = prepared = None
        if wanted.images:
            with suppress(StalePixelsError):
                found = self._pixels.image(job)
                image = None if found is None else _colour(found.bgr())
                prepared = _colour(self._pixels.prepared(job))
        return RecordedInput(time.monotonic_ns(), job.message, image, prepared)

    def _write(self, wanted: Wanted, blocks: Sequence[bytes]) -> None:
        folder = Path(wanted.folder)
        name = f"{self._plan.consumer}-{os.getpid()}"
        try:
            if self._file is None:
                self._file = (folder / f"{name}{PART}").open("wb", buffering=0)
                self._file.write(header_bytes(self._header(wanted)))
            for block in blocks:
                self._file.write(block)
        except OSError as exc:
            self._has_failed = True
            self._close()
            with suppress(OSError):
                (folder / f"{name}{PROBLEM}").write_text(exc.strerror or str(exc))

    def _header(self, wanted: Wanted) -> StageHeader:
        run = self._plan.run
        node = next((n for n in self._nodes if n.name == wanted.stage), None)
        if node is None:  # a part with where a tracker begins
            return StageHeader(wanted.stage, "", "", run.layout.run_id, wanted.graph, __version__,
                               run.class_names)  # fmt: skip
        stated = {key: getattr(node.options, key, None) for key in ("runtime", "precision")}
        return StageHeader(
            stage=node.name,
            role=node.role,
            kind=node.kind,
            run_id=run.layout.run_id,
            graph=wanted.graph,
            version=__version__,
            class_names=run.class_names,
            file_sources=tuple(sorted(set(run.source_names) - run.live_sources)),
            runtime={key: str(value) for key, value in stated.items() if value is not None},
        )

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _colour(pixels: AnyPixels | None) -> Pixels | None:
    """Keep images of the kind that a recording holds: (H, W, 3) uint8, in this machine's memory."""
    if isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape[2:] == (3,):
        return pixels
    return None
