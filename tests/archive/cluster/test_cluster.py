"""`archive --cluster` gives what one machine gives, whatever becomes of nodes and of the command.

All nodes are processes of this machine. Two tiny files in CI; the rest is nightly.
"""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive.broken_off import (
    FORMATS,
    assert_once_and_clean,
    begun,
    done_count,
    wait_for,
    write_clips,
)
from tests.archive.cluster.two_nodes import TwoNodes, thaw
from tests.archive.scenes import LIMIT_S, archive_command, done, results


@pytest.fixture
def cluster() -> Iterator[TwoNodes]:
    nodes = TwoNodes()
    yield nodes
    nodes.stop()


def test_two_nodes_give_what_one_machine_gives(cluster: TwoNodes, tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 2, 20)
    done(archive_command(clips, tmp_path / "alone", *FORMATS))
    options = (*FORMATS, "--cluster", cluster.address)
    said = done(archive_command(clips, tmp_path / "spread", *options))
    assert "2 files: 2 done" in said
    assert results(tmp_path / "spread") == results(tmp_path / "alone")
    segments = done_count(tmp_path / "alone")
    assert_once_and_clean(tmp_path / "spread", segments)
    counts = re.findall(r"node \S+ \(1 CPU\) has done (\d+) of the segments", said)
    assert len(counts) == 2
    assert sum(map(int, counts)) == segments


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_nodes_that_are_killed_cost_nothing_but_time(cluster: TwoNodes, tmp_path: Path) -> None:
    rng = random.Random(3)
    clips = write_clips(tmp_path / "clips", 6, 100)
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    done(archive_command(clips, alone, *FORMATS))
    segments = done_count(alone)
    with begun(archive_command(clips, spread, *FORMATS, "--cluster", cluster.address)) as process:
        for kill in range(3):
            wait_for(process, spread, segments * kill // 4 + 1)
            time.sleep(rng.uniform(0.0, 1.0))
            assert process.poll() is None, "all was done before the last kill"
            cluster.kill(rng.choice(cluster.nodes))
            cluster.nodes.append(cluster.add())
        assert process.wait(LIMIT_S) == 0
    assert results(spread) == results(alone)
    assert_once_and_clean(spread, segments)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_command_that_is_killed_goes_on(cluster: TwoNodes, tmp_path: Path) -> None:
    rng = random.Random(4)
    clips = write_clips(tmp_path / "clips", 6, 60)
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    done(archive_command(clips, alone, *FORMATS))
    segments = done_count(alone)
    arguments = archive_command(clips, spread, *FORMATS, "--cluster", cluster.address)
    for number in range(3):
        with begun(arguments) as process:
            wait_for(process, spread, segments * number // 4 + 1)
            time.sleep(rng.uniform(0.0, 0.7))
            assert process.poll() is None, "all was done before the last kill"
            process.send_signal(signal.SIGKILL)
            process.wait()
    done(arguments)
    assert results(spread) == results(alone)
    assert_once_and_clean(spread, segments)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_node_that_freezes_is_given_up_and_may_come_back(
    cluster: TwoNodes, tmp_path: Path
) -> None:
    clips = write_clips(tmp_path / "clips", 4, 60)
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    done(archive_command(clips, alone, *FORMATS))
    with begun(archive_command(clips, spread, *FORMATS, "--cluster", cluster.address)) as process:
        wait_for(process, spread, 2)
        frozen = cluster.freeze(cluster.nodes[0])
        assert process.wait(LIMIT_S) == 0
    thaw(frozen)
    assert results(spread) == results(alone)
    assert_once_and_clean(spread, done_count(alone))
