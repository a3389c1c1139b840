"""What every sink kind promises: see streamdet/sinks/__init__.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamdet.detections import FrameMasks
from streamdet.errors import ConfigError, EngineError
from streamdet.messages import FrameMessage
from streamdet.registry import KINDS, load
from streamdet.sinks import PublicEntry, Sink
from tests.sinks.frames import HW, context, image
from tests.sinks.frames import message as plain_message

SUFFIXES = {
    "coco": ".coco.json",
    "csv": ".csv",
    "event_file": ".events.jsonl",
    "jsonl": ".jsonl",
    "mot": ".txt",
    "mots": ".mots.txt",
    "parquet": ".parquet",
    "video": ".mp4",
}
ONE_FILE = {"csv", "event_file", "jsonl", "parquet"}
"""Kinds that write all sources into one file."""
RECORDERS = {"clip", "snapshot", "records"}
"""Kinds that write a file when something happens: see tests/sinks/test_clip.py."""
DELIVERING = {"webhook", "mqtt", "kafka"}
"""Kinds whose output is another program's: tests/sinks has what they promise."""
DRAWN_ANEW = {"heatmap"}
"""Kinds that write their file as a whole again and again: see tests/sinks, too."""
SINKS = sorted(set(KINDS["sink"]) - RECORDERS - DELIVERING - DRAWN_ANEW)
FILE_SINKS = sorted(set(SINKS) - {"redis_stream"})
GROWING_SINKS = sorted(set(FILE_SINKS) - {"parquet"})
"""Kinds whose own file grows; that of `parquet` appears at the end."""
FOLDERS = count()

each_kind = pytest.mark.parametrize("kind", SINKS)
each_file_kind = pytest.mark.parametrize("kind", FILE_SINKS)
each_growing_kind = pytest.mark.parametrize("kind", GROWING_SINKS)


def make(kind: str, folder: Path, *sources: str) -> Sink:
    sink = load("sink", kind)
    options = {} if kind == "redis_stream" else {"path": folder / f"out{SUFFIXES[kind]}"}
    made: Sink = sink(sink.Options(**options), context(*sources))
    return made


def message(source_id: str = "cam", index: int = 0, count: int = 2) -> FrameMessage:
    """A frame whose objects have masks: each fills a column."""
    plain = plain_message(source_id, index, count)
    assert plain.detections is not None
    masks = np.zeros((count, *HW), np.bool_)
    masks[np.arange(count), :, np.arange(count)] = True
    found = replace(plain.detections, masks=FrameMasks.of_arrays(masks))
    return replace(plain, detections=found)


def frames(*sources: str) -> list[FrameMessage]:
    """Six frames of each source by turns: 0 to 3 objects, a time missing, a frame dropped."""
    messages = [message(name, i, count=i % 4) for i in range(6) for name in sources]
    messages = [
        replace(m, frame=replace(m.frame, pts=None)) if m.index == 3 else m for m in messages
    ]
    return [replace(m, drop_reason="stale") if m.index == 4 else m for m in messages]


def sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def full_after_ten_bytes(write: Callable[[int, bytes, int], int]) -> Callable[..., int]:
    """A disk that takes ten bytes more, and then none."""
    room = [10]

    def write_some(fd: int, data: bytes, offset: int) -> int:
        if not room:
            raise OSError(28, "No space left on device")
        return write(fd, data[: room.pop()], offset)

    return write_some


def die(folder: Path) -> None:
    """Let go of every file below the folder, as the death of the process does."""
    for fd in list(Path("/proc/self/fd").iterdir()):
        if fd.is_symlink() and fd.readlink().is_relative_to(folder):
            os.close(int(fd.name))


@dataclass(frozen=True)
class Crash:
    """Where a batch's first attempt dies, and how much of its last write reached the file."""

    point: str
    fraction: float


@dataclass
class Run:
    """Plays the worker: Redis holds `states` and `entries`."""

    kind: str
    folder: Path
    sources: tuple[str, ...]
    states: dict[str, bytes] = field(default_factory=dict)
    entries: list[PublicEntry] = field(default_factory=list)

    def start(self) -> None:
        self.sink = make(self.kind, self.folder, *self.sources)
        self.sink.restore(dict(self.states))

    def attempt(self, batch: Sequence[FrameMessage], crash: Crash | None) -> bool:
        """Return whether the batch has been committed."""
        before = sizes(self.folder)
        images = [None if m.drop_reason else image() for m in batch]
        entries = self.sink.write(batch, images)
        if crash and crash.point == "before commit":
            return self.crash(before, crash)
        self.states |= self.sink.states()
        self.entries += [entry for each in entries for entry in each]
        if crash and crash.point == "after commit":
            return not self.crash(sizes(self.folder), crash)
        self.sink.committed()
        if crash and crash.point == "while showing":
            return not self.crash(before if self.kind != "video" else sizes(self.folder), crash)
        return True

    def crash(self, before: dict[Path, int], crash: Crash) -> bool:
        die(self.folder)
        for path, size in sizes(self.folder).items():
            kept = before.get(path, 0)
            os.truncate(path, kept + int((size - kept) * crash.fraction))
        self.start()
        return False

    def play(
        self, messages: Sequence[FrameMessage], batch_size: int, crashes: Sequence[Crash | None]
    ) -> dict[str, Any]:
        self.start()
        plan = list(crashes)
        while messages:
            crash = plan.pop(0) if plan else None
            if self.attempt(messages[:batch_size], crash):
                messages = messages[batch_size:]
        for source_id in self.sources:
            self.sink.finish(source_id)
            self.states |= self.sink.states()
            self.sink.committed()
        self.sink.close()
        return self.output()

    def output(self) -> dict[str, Any]:
        read = video_times if self.kind == "video" else Path.read_bytes
        files: dict[str, Any] = {path.name: read(path) for path in self.folder.iterdir()}
        return {**files, "entries": self.entries}


def video_times(path: Path) -> list[int | None]:
    with av.open(str(path)) as container:
        return [frame.pts for frame in container.decode(video=0)]


def run(kind: str, tmp_path: Path, *sources: str) -> Run:
    folder = tmp_path / str(next(FOLDERS))
    folder.mkdir()
    return Run(kind, folder, sources)


crashes = st.lists(
    st.none()
    | st.builds(
        Crash,
        st.sampled_from(["before commit", "after commit", "while showing"]),
        st.floats(0, 1),
    ),
    max_size=8,
)


@each_kind
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batch_size=st.integers(1, 5), plan=crashes)
def test_output_equals_that_of_an_unbroken_run_wherever_it_was_killed(
    kind: str, tmp_path: Path, batch_size: int, plan: list[Crash | None]
) -> None:
    messages = frames("left", "right")
    unbroken = run(kind, tmp_path, "left", "right").play(messages, batch_size, [])
    assert run(kind, tmp_path, "left", "right").play(messages, batch_size, plan) == unbroken


@each_kind
def test_write_answers_once_for_each_message(kind: str, tmp_path: Path) -> None:
    sink = make(kind, tmp_path, "cam")
    sink.restore({})
    batch = [message(index=i) for i in range(3)]
    assert len(sink.write(batch, [image()] * 3)) == 3
    assert sink.write([], []) == []
    sink.close()


@each_kind
def test_nothing_is_left_to_commit_after_committed(kind: str, tmp_path: Path) -> None:
    sink = make(kind, tmp_path, "cam")
    sink.restore({})
    sink.write([message()], [image()])
    assert bool(sink.states()) == (kind in FILE_SINKS)
    sink.committed()
    assert sink.states() == {}
    sink.close()


@each_kind
def test_close_is_fine_before_restore_and_twice(kind: str, tmp_path: Path) -> None:
    sink = make(kind, tmp_path, "cam")
    sink.close()
    sink.restore({})
    sink.close()
    sink.close()


@each_file_kind
def test_a_new_run_starts_the_file_afresh(kind: str, tmp_path: Path) -> None:
    first = run(kind, tmp_path, "cam")
    alone = first.play(frames("cam")[:3], 1, [])
    Run(kind, first.folder, ("cam",)).play(frames("cam"), 2, [])
    again = Run(kind, first.folder, ("cam",))
    assert again.play(frames("cam")[:3], 1, []) == alone


@each_file_kind
def test_what_an_earlier_run_wrote_stays_until_a_frame_is_committed(
    kind: str, tmp_path: Path
) -> None:
    earlier = run(kind, tmp_path, "cam")
    earlier.play(frames("cam"), 2, [])
    before = contents(earlier.folder)
    again = Run(kind, earlier.folder, ("cam",))
    again.start()
    again.sink.write(frames("cam")[1:2], [image()])
    assert before.items() <= contents(earlier.folder).items()
    again.sink.close()
    assert contents(earlier.folder) == before
    again.start()
    assert again.attempt(frames("cam")[1:2], None)
    assert not before.items() & contents(earlier.folder).items()
    again.sink.close()


@each_file_kind
def test_a_run_whose_source_ends_before_a_frame_leaves_what_an_earlier_run_wrote(
    kind: str, tmp_path: Path
) -> None:
    earlier = run(kind, tmp_path, "cam")
    earlier.play(frames("cam"), 2, [])
    before = contents(earlier.folder)
    Run(kind, earlier.folder, ("cam",)).play([], 2, [])
    assert contents(earlier.folder) == before


@each_file_kind
def test_a_file_ends_at_the_last_committed_frame(kind: str, tmp_path: Path) -> None:
    broken = run(kind, tmp_path, "cam")
    broken.start()
    assert broken.attempt(frames("cam")[1:3], None)
    committed = sizes(broken.folder)
    broken.sink.write(frames("cam")[3:4], [image()])
    broken.sink.close()
    assert sizes(broken.folder) == committed


@each_growing_kind
def test_a_file_that_became_too_short_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    broken = run(kind, tmp_path, "cam")
    broken.play(frames("cam"), 2, [])
    for path in broken.folder.iterdir():
        os.truncate(path, 1)
    with pytest.raises(ConfigError, match=r"out[.\w]+: it holds 1 bytes, wanted the \d+ committed"):
        broken.start()


@each_file_kind
def test_a_second_run_into_the_same_file_is_refused(kind: str, tmp_path: Path) -> None:
    first, second = make(kind, tmp_path, "cam"), make(kind, tmp_path, "cam")
    first.restore({})
    with pytest.raises(ConfigError, match=r"cannot write .*out[\w.]+: another run is writing it"):
        second.restore({})
    second.close()
    first.close()


@each_file_kind
def test_no_file_is_left_of_a_run_that_no_frame_came_to(kind: str, tmp_path: Path) -> None:
    sink = make(kind, tmp_path, "left", "right")
    sink.restore({})
    sink.finish("left")
    sink.committed()
    sink.close()
    assert list(tmp_path.iterdir()) == []


@each_file_kind
def test_what_the_system_refuses_to_write_is_told_and_the_file_ends_at_whole_frames(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = run(kind, tmp_path, "cam")
    broken.start()
    assert broken.attempt(frames("cam")[1:3], None)
    committed = sizes(broken.folder)
    broken.sink.write(frames("cam")[2:3], [image()])
    monkeypatch.setattr(os, "pwrite", full_after_ten_bytes(os.pwrite))
    with pytest.raises(EngineError, match=r"cannot write to .*out[\w.]+: No space left on device"):
        broken.attempt(frames("cam")[3:4], None)
    assert sizes(broken.folder) == committed


@each_file_kind
def test_a_missing_folder_is_made(kind: str, tmp_path: Path) -> None:
    sink = make(kind, tmp_path / "not" / "there", "cam")
    sink.restore({})
    assert (tmp_path / "not" / "there").is_dir()
    sink.close()


@each_file_kind
def test_a_folder_that_cannot_be_made_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    sink = make(kind, tmp_path / "taken", "cam")
    with pytest.raises(ConfigError, match=r"cannot write .*taken/"):
        sink.restore({})
    sink.close()


@each_file_kind
def test_several_sources_are_kept_apart(kind: str, tmp_path: Path) -> None:
    both = run(kind, tmp_path, "left", "right").play(frames("left", "right"), 4, [])
    names = set(both) - {"entries"}
    suffix = SUFFIXES[kind]
    apart = {f"out-left{suffix}", f"out-right{suffix}"}
    assert names == ({f"out{suffix}"} if kind in ONE_FILE else apart)


@each_file_kind
def test_the_files_of_sources_that_have_ended_are_closed(kind: str, tmp_path: Path) -> None:
    names = [f"cam{number}" for number in range(8)]
    sink = make(kind, tmp_path, *names)
    sink.restore({})
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in names:
        sink.write([message(name)], [image()])
        sink.finish(name)
        sink.states()
        sink.committed()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1  # some have one file for all
    sink.close()
