"""Nothing grows with the number of frames (the bench has the long version)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from streamdet.config.deploy import DeploySettings
from streamdet.graph import load_graph
from streamdet.run.redis_memory import redis_memory
from streamdet.transport.connection import connect
from tests.faults.place import Place
from tests.faults.storm import lines_of, output_of, stage_processes, streamdet, wait_for_lines

FRAMES = 4000
MIB = 1 << 20
OVERRIDES = ("detect.model=hog_people", "prepare.shortest_edge=128", "publish.maxlen=100")


@pytest.mark.nightly
@pytest.mark.timeout(200)
def test_memory_stays_flat(place: Place, tmp_path: Path) -> None:
    lines = tmp_path / "o.jsonl"
    arguments = ["run", "people", "--output", str(lines)]
    arguments += [word for override in OVERRIDES for word in ("--set", override)]
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
    objects = max(len(line["objects"]) for line in lines_of(lines))
    graph = load_graph("people", sources=[source], overrides=OVERRIDES)
    predicted = redis_memory(graph, DeploySettings(), objects).total
    print(f"Redis: {max(redis)} bytes, {predicted} predicted for {objects} objects in each frame")
    assert max(redis) < predicted
