"""Nothing grows with the number of frames (the bench has the long version)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from streamdet.transport.connection import connect
from tests.faults.place import Place
from tests.faults.storm import lines_of, output_of, stage_processes, streamdet, wait_for_lines

FRAMES = 4000
MIB = 1 << 20


@pytest.mark.timeout(200)
def test_memory_stays_flat(place: Place, tmp_path: Path) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = ["run", "people", "--set", "detect.model=hog_people"]
    arguments += ["--set", "prepare.shortest_edge=128", "--set", "publish.maxlen=100"]
    arguments += ["--output", str(lines)]
    source = f"synthetic:street?frames={FRAMES}&hw=240x320"
    workers: dict[str, list[int]] = defaultdict(list)
    redis: list[int] = []
    with streamdet(*arguments, "--source", source, env=place.env) as process:
        for count in (1000, 2000, 3000, 3900):
            wait_for_lines(lines, count, process)
            for one in stage_processes(process):
                workers[one.name()].append(one.memory_info().rss)
            client = connect(place.address())
            info = client.info("memory")
            client.close()
            assert isinstance(info, dict)
            redis.append(info["used_memory"])
        output_of(process, 60)
    assert len(lines_of(lines)) == FRAMES
    growth = {name: (sizes[-1] - sizes[0]) / MIB for name, sizes in workers.items()}
    print(f"MiB: {growth}, redis {[round(size / MIB, 2) for size in redis]}")
    assert len(workers) == 4
    assert max(growth.values()) < 4
    assert redis[-1] - redis[0] < 1 * MIB
