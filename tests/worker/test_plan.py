"""What each worker of a graph is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.deploy import DeploySettings
from streamdet.errors import ConfigError
from streamdet.events import EventPlace
from streamdet.graph import PipelineGraph, load_graph
from streamdet.registry import KINDS
from streamdet.transport.pool import PoolPlan
from streamdet.worker.plan import (
    RunPlan,
    WorkerPlan,
    class_names,
    run_layout,
    worker_plans,
)
from streamdet.worker.pool_plans import fitting_pools, needed_bytes, plan_pools
from tests.graph.graphs import load_text, people

APART = {
    "camera": 'kind: source, uri: "synthetic:street"',
    "prepare": "kind: transform, reads: camera, replicas: 2",
    "detect": "kind: detector, reads: prepare, model: hog_people, replicas: 3, max_wait_ms: 5",
    "track": "kind: byte_track, reads: detect, process: back",
    "publish": "kind: redis_stream, reads: track, process: back",
    "watch": "kind: video, reads: track, path: o.mp4",
}


def planned(
    graph: PipelineGraph, folder: Path, settings: DeploySettings | None = None
) -> tuple[RunPlan, dict[str, WorkerPlan]]:
    pools = pools_of(graph, folder, settings=settings)
    run = RunPlan(
        layout=run_layout(graph, "0a", pools),
        redis_url="unix:///s",
        folder=folder,
        pools=pools,
        source_names={"street": "synthetic:street"},
        class_names=class_names(graph),
        max_in_flight=128,
        events="events",
    )
    return run, {plan.consumer: plan for plan in worker_plans(graph, run)}


def pools_of(
    graph: PipelineGraph,
    folder: Path,
    hw: tuple[int, int] | None = None,
    settings: DeploySettings | None = None,
) -> dict[str, PoolPlan]:
    sizes = {} if hw is None else {"street": hw}
    return plan_pools(graph, settings or DeploySettings(), lambda name: folder / name, sizes)


@pytest.fixture
def shipped(tmp_path: Path) -> PipelineGraph:
    """The shape of pipelines/people.yaml: front -> detect -> back."""
    return load_text(people(), tmp_path)


@pytest.fixture
def apart(tmp_path: Path) -> PipelineGraph:
    """Every node in a process of its own, but for the tracker and its stream."""
    return load_text(people(**APART), tmp_path)


def test_each_replica_of_each_process_is_a_worker(apart: PipelineGraph, tmp_path: Path) -> None:
    _, plans = planned(apart, tmp_path)
    detectors = [f"detect-{number}" for number in range(3)]
    names = ["camera-0", "prepare-0", "prepare-1", *detectors, "back-0", "watch-0"]
    assert sorted(plans) == sorted(names)
    assert [plan.number for plan in plans.values()] == list(range(len(names)))
    assert next(iter(plans.values())).is_source


def test_the_layout_says_who_reads_whom_and_where_a_run_ends(
    apart: PipelineGraph, tmp_path: Path
) -> None:
    groups = planned(apart, tmp_path)[0].layout.groups
    reads = {name: group.outputs for name, group in groups.items()}
    expected = {"camera": ("prepare",), "prepare": ("detect",), "detect": ("back",)}
    assert reads == expected | {"back": ("watch",), "watch": ()}
    assert [name for name, group in groups.items() if group.has_sink] == ["back", "watch"]


def test_nodes_of_one_process_hand_over_by_a_call(shipped: PipelineGraph, tmp_path: Path) -> None:
    _, plans = planned(shipped, tmp_path)
    front, back = plans["front-0"], plans["back-0"]
    assert [(one.node.name, one.parent, one.outputs) for one in front.nodes] == [
        ("camera", None, ()),
        ("prepare", "camera", ("detect",)),
    ]
    assert [(one.node.name, one.parent) for one in back.nodes] == [
        ("track", None),
        ("publish", "track"),
    ]


def test_images_that_stay_in_their_process_need_no_pool(
    shipped: PipelineGraph, tmp_path: Path
) -> None:
    run, plans = planned(shipped, tmp_path)
    assert list(run.pools) == ["prepare"]
    assert plans["front-0"].own_pools == ("prepare",)
    assert plans["detect-0"].reads_pools == {"prepare"}
    assert plans["back-0"].reads_pools == frozenset()


def test_every_process_that_looks_at_an_image_is_counted(
    apart: PipelineGraph, tmp_path: Path
) -> None:
    run, plans = planned(apart, tmp_path)
    readers = {one.node.name: one.slot_readers for plan in plans.values() for one in plan.nodes}
    assert (readers["camera"], readers["prepare"], readers["detect"]) == (2, 1, 0)
    assert sorted(run.pools) == ["camera", "prepare"]
    assert plans["watch-0"].reads_pools == {"camera"}


def test_trackers_and_sinks_need_order_and_detectors_do_not(
    apart: PipelineGraph, tmp_path: Path
) -> None:
    _, plans = planned(apart, tmp_path)
    ordered = {name for name, plan in plans.items() if plan.is_ordered}
    assert ordered == {"back-0", "watch-0"}


def test_waits_are_in_seconds(apart: PipelineGraph, tmp_path: Path) -> None:
    assert planned(apart, tmp_path)[1]["detect-0"].max_wait_s == 0.005


@pytest.mark.parametrize(("pool_mib", "batch"), [(1, 1), (40, 3), (512, 8)])
def test_replicas_never_hold_most_slots_of_a_pool(
    apart: PipelineGraph, tmp_path: Path, pool_mib: int, batch: int
) -> None:
    run, plans = planned(apart, tmp_path, DeploySettings(pool_mib=pool_mib))
    assert plans["prepare-0"].batch == batch
    for plan in plans.values():
        replicas = sum(other.group == plan.group for other in plans.values())
        for pool in {*plan.own_pools, *plan.reads_pools}:
            assert plan.batch == 1 or plan.batch * 2 * replicas <= run.pools[pool].slots


def test_slots_are_as_large_as_the_largest_image(shipped: PipelineGraph, tmp_path: Path) -> None:
    (prepare,) = pools_of(shipped, tmp_path).values()
    assert prepare.slot_bytes == 600 * 1067 * 3


@pytest.mark.parametrize(
    ("hw", "largest"),
    [(None, (720, 1280)), ((240, 320), (720, 1280)), ((2160, 3840), (2160, 3840))],
)
def test_a_sources_slots_leave_room_for_a_change_of_size(
    apart: PipelineGraph, tmp_path: Path, hw: tuple[int, int] | None, largest: tuple[int, int]
) -> None:
    pool = pools_of(apart, tmp_path, hw)["camera"]
    assert pool.slot_bytes == largest[0] * largest[1] * 3


def test_the_deploy_file_says_how_large_a_sources_slots_are_at_least(
    apart: PipelineGraph, tmp_path: Path
) -> None:
    settings = DeploySettings(slot_hw=(1080, 1920))
    assert pools_of(apart, tmp_path, None, settings)["camera"].slot_bytes == 1080 * 1920 * 3


def test_slots_of_cameras_grow_and_do_not_multiply_with_the_cameras(tmp_path: Path) -> None:
    cameras = ", ".join(f"c{number}: 'rtsp://h/{number}'" for number in range(20))
    camera = f"kind: source, process: front, cameras: {{{cameras}}}"
    watch = "kind: video, reads: track, process: back, path: o.mp4"
    graph = load_text(people(camera=camera, watch=watch), tmp_path)
    pool = pools_of(graph, tmp_path)["camera"]
    # 2 for each camera, and twice the batch of 8 for `front` and for `back`
    assert pool.slots == 2 * 20 + 2 * (8 + 8)
    assert pool.slot_bytes == 720 * 1280 * 3
    assert (pool.largest_bytes, pool.most_bytes) == (6000 * 6000 * 3, 512 << 20)
    few = pools_of(graph, tmp_path, None, DeploySettings(pool_mib=8))["camera"]
    assert (few.slots, few.largest_bytes) == (3, 720 * 1280 * 3)


def test_large_images_get_fewer_slots_but_enough_to_go_on(
    apart: PipelineGraph, tmp_path: Path
) -> None:
    pools = pools_of(apart, tmp_path, (2160, 3840), DeploySettings(pool_mib=100))
    assert pools["camera"].slots == (100 << 20) // (2160 * 3840 * 3)
    assert pools_of(apart, tmp_path, (2160, 3840), DeploySettings(pool_mib=1))["camera"].slots >= 2


def test_small_memory_gives_fewer_slots_and_says_so(apart: PipelineGraph, tmp_path: Path) -> None:
    pools, warning = fitting(apart, tmp_path, 64 << 20)
    assert needed_bytes(pools) <= 56 << 20  # an eighth stays free
    assert all(pool.slots >= 4 for pool in pools.values())
    assert "64 MiB free in /dev/shm" in warning


def test_memory_that_is_enough_changes_nothing(apart: PipelineGraph, tmp_path: Path) -> None:
    wanted = pools_of(apart, tmp_path)
    assert fitting(apart, tmp_path, needed_bytes(wanted)) == (wanted, "")


def test_memory_for_less_than_the_fewest_slots_is_refused(
    apart: PipelineGraph, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"needs \d+ MiB in /dev/shm at least, 8 MiB are free"):
        fitting(apart, tmp_path, 8 << 20)


def fitting(graph: PipelineGraph, folder: Path, free_bytes: int) -> tuple[dict[str, PoolPlan], str]:
    path = folder.joinpath
    return fitting_pools(graph, DeploySettings(), path, {}, free_bytes)


@pytest.mark.parametrize("name", ["people", "street"])
def test_a_shipped_graph_takes_less_shared_memory_by_pool_mib_and_not_by_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    graph = load_graph(name, environ={})

    def mib(**settings: int) -> float:
        pools = pools_of(graph, tmp_path, settings=DeploySettings.model_validate(settings))
        return sum(pool.slots * pool.slot_bytes for pool in pools.values()) / (1 << 20)

    assert mib(slots=2) == mib()  # 48 slots: twice 8 of its writer and 8 of each replica
    assert mib(pool_mib=8) <= 8 < mib()


def test_a_pool_is_of_the_kind_of_the_deploy_file_and_of_its_makers_pixel_format(
    shipped: PipelineGraph, tmp_path: Path
) -> None:
    (prepare,) = pools_of(shipped, tmp_path, settings=DeploySettings(pool="shm")).values()
    assert (prepare.kind, prepare.pixel_format) == ("shm", "bgr24")


def test_a_kind_that_makes_images_of_an_unknown_pixel_format_is_named(
    shipped: PipelineGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS["transform"], "shortest_edge", "tests.worker.test_plan:Bgr42")
    with pytest.raises(ConfigError) as refused:
        pools_of(shipped, tmp_path)
    said = "kind shortest_edge: pixel_format must be bgr24 (perhaps 'bgr24'), got 'bgr42'"
    assert str(refused.value) == said


class Bgr42:
    """A transform of a plugin."""

    pixel_format = "bgr42"


def clips(folder: Path, count: int) -> str:
    """A folder of videos, of which only the names are looked at."""
    (folder / "clips").mkdir()
    for number in range(count):
        (folder / "clips" / f"{number}.mp4").write_bytes(b"?")
    return str(folder / "clips")


@pytest.mark.parametrize(("stated", "count", "workers"), [(1, 3, 1), (2, 3, 2), (9, 3, 3)])
def test_a_source_that_reads_files_at_once_has_as_many_workers(
    tmp_path: Path, stated: int, count: int, workers: int
) -> None:
    camera = f"kind: source, uri: {clips(tmp_path, count)}, process: front, parallel: {stated}"
    run, plans = planned(load_text(people(camera=camera), tmp_path), tmp_path)
    fronts = [plan for plan in plans.values() if plan.group == "front"]
    assert [plan.consumer for plan in fronts] == [f"front-{n}" for n in range(workers)]
    for plan in fronts:
        assert [item.source_id for item in plan.items] == ["0", "1", "2"]
        assert plan.batch * 2 * workers <= run.pools["prepare"].slots


def test_class_names_are_those_of_the_models(shipped: PipelineGraph) -> None:
    assert class_names(shipped) == {"hog_people": ("person",)}


PLACES = """\
version: 1
nodes:
  camera: {kind: source, uri: 'synthetic:street'}
  prepare: {kind: transform, reads: camera}
  detect: {kind: detector, reads: prepare, model: people}
  track: {kind: byte_track, reads: detect, process: back}
  early: {kind: jsonl, reads: track, process: back, path: a.jsonl}
  zones:
    kind: zones
    reads: track
    process: back
    zones: {yard: {polygon: [[0, 0], [1, 0], [1, 1]], classes: [person], source: street}}
  lines: {kind: lines, reads: zones, process: back, lines: {gate: {line: [[0, 0], [1, 1]]}}}
  late: {kind: event_file, reads: lines, process: back, path: b.events.jsonl}
"""


def test_a_sink_knows_the_places_that_its_events_may_name(tmp_path: Path) -> None:
    _, plans = planned(load_text(PLACES, tmp_path), tmp_path)
    places = {one.node.name: one.places for one in plans["back-0"].nodes}
    yard = EventPlace("zone", "yard", ("street",), ("person",))
    assert places["late"] == (yard, EventPlace("line", "gate"))
    assert places["early"] == places["zones"] == ()
