"""The ring of a camera's packets: what it keeps, and what of it is read after a kill."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.transport.packet_ring import (
    RETRY_NS,
    RingPlan,
    RingWriter,
    hold,
    read_packets,
    segments,
)
from tests.sinks.camera_packets import at_ns, jpeg, packet


def ring(folder: Path, problems: list[str] | None = None, **plan: float) -> RingWriter:
    limits = {"seconds": 3600, "most_bytes": 2**30} | plan
    told = [] if problems is None else problems
    made = RingPlan(folder, limits["seconds"], int(limits["most_bytes"]))
    return RingWriter(made, "cam", told.append)


def numbers(folder: Path) -> list[int]:
    return [(each.pts or 0) // 9000 for each in read_packets(folder / "cam")]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    writer, written = ring(tmp_path), [packet(n, keyframe_every=4) for n in range(30)]
    for each in written:
        writer.add(each)
    read = [replace(each, connection=0) for each in read_packets(tmp_path / "cam")]
    assert read == written


def test_it_begins_with_a_keyframe(tmp_path: Path) -> None:
    writer = ring(tmp_path)
    for number in range(2, 7):
        writer.add(packet(number, keyframe_every=4))
    assert numbers(tmp_path) == [4, 5, 6]


def test_files_that_reach_back_further_than_wanted_are_removed(tmp_path: Path) -> None:
    writer = ring(tmp_path, seconds=2)
    for number in range(100):
        writer.add(packet(number, keyframe_every=15))
    # A keyframe each 1.5 s. When that of 9.0 s came, 7.0 s was in the file of 6.0 s.
    assert numbers(tmp_path) == list(range(60, 100))


def test_it_is_no_larger_than_wanted_but_for_its_last_file(tmp_path: Path) -> None:
    writer = ring(tmp_path, most_bytes=30 * len(jpeg(0)))
    for number in range(100):
        writer.add(packet(number))
    files = [each.path.stat().st_size for each in segments(tmp_path / "cam")]
    assert sum(files[:-1]) <= 30 * len(jpeg(0))
    assert numbers(tmp_path)[-1] == 99


@pytest.mark.parametrize("missing", [1, 500])
def test_a_packet_that_a_killed_writer_left_half_is_not_read(tmp_path: Path, missing: int) -> None:
    writer = ring(tmp_path)
    for number in range(5):
        writer.add(packet(number))
    (file,) = segments(tmp_path / "cam")
    os.truncate(file.path, file.path.stat().st_size - missing)
    again = ring(tmp_path)
    again.add(packet(20))
    assert numbers(tmp_path) == [0, 1, 2, 3, 20]


def test_packets_of_another_connection_are_told_apart(tmp_path: Path) -> None:
    writer = ring(tmp_path)
    for number in (0, 1, 15):
        writer.add(packet(number))
    writer.end_connection()
    writer.add(packet(16))
    first, second, third, fourth = (each.connection for each in read_packets(tmp_path / "cam"))
    assert first == second == third != fourth


def test_what_is_held_stays_when_the_ring_moves_on(tmp_path: Path) -> None:
    writer = ring(tmp_path, seconds=2)
    for number in range(100):
        writer.add(packet(number))
        if number == 20:
            hold(tmp_path / "cam", at_ns(1.5), tmp_path / "held" / "cam")
    assert numbers(tmp_path / "held") == list(range(10, 30))  # the files that began at 1 s and 2 s


def test_a_system_that_refuses_is_told_once_and_tried_again_later(tmp_path: Path) -> None:
    problems: list[str] = []
    writer = ring(tmp_path, problems)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        writer.add(packet(0))
        writer.add(packet(60))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.add(packet(61))  # too soon
    assert problems == [f"{tmp_path} takes no more video: File too large"]
    writer.add(packet(60 + RETRY_NS // 10**8))
    assert problems[1:] == [""]
    assert numbers(tmp_path) == [110]
