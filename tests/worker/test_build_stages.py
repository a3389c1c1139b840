"""Real kinds, real Redis and real shared memory, but all workers of a run in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from streamdet.config.deploy import DeploySettings
from streamdet.graph import PipelineGraph
from streamdet.run.source_probe import probe_node, probe_path, read_probes, unprobed
from streamdet.sources import SourceInfo
from streamdet.transport.connection import connect
from streamdet.transport.redis_bus import RedisBus
from streamdet.transport.shm_pool import FOLDER, ShmPool
from streamdet.worker import main as worker
from streamdet.worker.heartbeat import Beats
from streamdet.worker.plan import RunPlan, class_names, run_layout, worker_plans
from streamdet.worker.pool_plans import plan_pools
from streamdet.worker.run_files import beats_path, read_status
from tests.graph.graphs import load_text, people
from tests.redis_server import RedisServer

SCENE = "synthetic:street?frames=6&hw=240x320"


@dataclass
class Run:
    """A planned run whose keys and pools are there."""

    graph: PipelineGraph
    plan: RunPlan
    bus: RedisBus


@pytest.fixture
def run(redis_server: RedisServer, tmp_path: Path) -> Iterator[Run]:
    name = uuid4().hex
    text = people(
        detect="kind: detector, reads: prepare, model: hog_people, replicas: 1",
        publish=f"kind: redis_stream, reads: track, process: back, stream: out-{name}",
        file=f"kind: jsonl, reads: track, process: back, path: {tmp_path}/o.jsonl",
    )
    graph = load_text(text, tmp_path, sources=[SCENE])
    pools = plan_pools(
        graph, DeploySettings(), lambda pool: FOLDER / f"streamdet-{name}-{pool}", {}
    )
    layout = run_layout(graph, name, pools)
    plan = RunPlan(
        layout,
        redis_server.url,
        tmp_path,
        pools,
        {"street": SCENE},
        class_names(graph),
        128,
        "events",
    )
    for pool in pools.values():
        ShmPool.create(pool).close()
    bus = RedisBus(connect(redis_server.url), layout)
    bus.create()
    yield Run(graph, plan, bus)
    bus.delete()
    bus.close()
    for pool in pools.values():
        pool.path.unlink()


def test_workers_made_from_a_graph_do_all_of_its_work(
    run: Run, redis_server: RedisServer, tmp_path: Path
) -> None:
    plans = worker_plans(run.graph, run.plan)
    Beats.create(beats_path(tmp_path), len(plans))
    for plan in plans:
        worker._run(plan)
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert [line["frame_id"] for line in lines] == list(range(6))
    entries: Any = redis_server.client().xrange(f"out-{run.plan.layout.run_id}")
    assert [json.loads(fields[b"metadata"]) for _, fields in entries] == lines
    assert run.bus.finished() == 1
    runtimes = read_status(tmp_path, "detect-0")["runtimes"]
    assert runtimes["detect"].startswith("opencv")


def test_probes_say_what_can_be_known_of_the_sources(run: Run, tmp_path: Path) -> None:
    (camera,) = run.graph.nodes_of_role("source")
    assert read_probes(run.graph, tmp_path) == {}
    assert probe_node(camera, probe_path(tmp_path, camera)) == 0
    assert read_probes(run.graph, tmp_path) == {"street": SourceInfo((240, 320), 6)}


def test_a_source_that_cannot_be_opened_has_no_info_in_the_probes(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    graph = load_text(people(), tmp_path, sources=[str(tmp_path / "bad.mp4")])
    (camera,) = graph.nodes_of_role("source")
    assert probe_node(camera, probe_path(tmp_path, camera)) == 0
    assert read_probes(graph, tmp_path) == {"bad": None}


def test_a_source_without_a_probe_is_named_with_what_is_expected_of_it(tmp_path: Path) -> None:
    graph = load_text(people(), tmp_path, outputs=[str(tmp_path / "o.mp4")])
    (warning,) = unprobed(graph, {}, (720, 1280))
    assert warning.startswith("camera: the size of street could not be found out in time,")
    assert "up to 720x1280 are expected" in warning
    assert unprobed(graph, {"street": None}, (720, 1280)) == ()


def test_a_source_whose_images_need_no_slot_may_be_of_any_size(tmp_path: Path) -> None:
    assert unprobed(load_text(people(), tmp_path), {}, (720, 1280)) == ()
