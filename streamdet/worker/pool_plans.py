"""How many images each pool of a run holds: what is wanted, or what this machine has room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from streamdet.config.deploy import DeploySettings
from streamdet.config.names import wrong_name
from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph, ProcessGroup
from streamdet.registry import load
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_pool import FOLDER, arena_bytes

LARGEST_SIDE: Final = 6000
"""Cameras' larger images are refused, unless their `max_pixels` says otherwise."""
FEWEST_LARGE: Final = 4
"""So many images of the largest size fit a pool, at least."""
SHM_REMEDY: Final = "in a container: --shm-size=1g (Kubernetes: an emptyDir with medium: Memory)"


def plan_pools(
    graph: PipelineGraph,
    settings: DeploySettings,
    path: Callable[[str], Path],
    source_hw: Mapping[str, tuple[int, int]],
) -> dict[str, PoolPlan]:
    """Plan a pool for every node whose images leave its process.

    Args:
        graph: the graph.
        settings: the machine.
        path: pool name -> where its file shall lie.
        source_hw: source id -> height and width, as far as they are known.

    Raises:
        ConfigError: a kind of node makes images of an unknown pixel format.
    """
    return {
        node.name: _pool_plan(graph, settings, node, path(node.name), source_hw)
        for node in graph.nodes.values()
        if graph.slot_readers(node.name)
    }


def _pool_plan(
    graph: PipelineGraph,
    settings: DeploySettings,
    node: Node,
    path: Path,
    source_hw: Mapping[str, tuple[int, int]],
) -> PoolPlan:
    maker = load(node.role, node.kind)
    if problem := wrong_name("pixel_format", maker.pixel_format):
        raise ConfigError(f"kind {node.kind}: pixel_format {problem}")
    if node.role == "transform":
        sizes = [maker(node.options).max_output_hw]
    else:
        known = [source_hw[item.source_id] for item in node.items if item.source_id in source_hw]
        sizes = [settings.slot_hw, *known]
    slot_bytes = max(map(load("pixel_format", maker.pixel_format).byte_count, sizes))
    users = [graph.group_of(node.name), *graph.slot_readers(node.name)]
    fewest = 2 * max(map(holders, users))
    cameras = 2 * graph.group_of(node.name).first.parallel if _is_live(users[0]) else 0
    wanted = max(
        settings.slots, cameras + 2 * sum(group.first.batch * holders(group) for group in users)
    )
    most_bytes = settings.pool_mib << 20
    slots = max(fewest, min(wanted, most_bytes // slot_bytes))
    kind = settings.pool if node.device == "cpu" else "cuda"
    plan = PoolPlan(kind, maker.pixel_format, path, slots, slot_bytes, node.device)
    return _growing(plan, most_bytes) if node.is_live and node.device == "cpu" else plan


def holders(group: ProcessGroup) -> int:
    """How many processes of a group may keep slots while they wait for others: cameras do not."""
    return 1 if _is_live(group) else group.replicas


def _is_live(group: ProcessGroup) -> bool:
    return group.first.is_live


def _growing(plan: PoolPlan, most_bytes: int) -> PoolPlan:
    """Let the slots of cameras' images grow: their sizes are unknown, and change."""
    most_bytes = max(most_bytes, plan.slots * plan.slot_bytes)
    byte_count = load("pixel_format", plan.pixel_format).byte_count
    largest = min(byte_count((LARGEST_SIDE, LARGEST_SIDE)), most_bytes // FEWEST_LARGE)
    return replace(plan, largest_bytes=max(plan.slot_bytes, largest), most_bytes=most_bytes)


def fitting_pools(
    graph: PipelineGraph,
    settings: DeploySettings,
    path: Callable[[str], Path],
    source_hw: Mapping[str, tuple[int, int]],
    free_bytes: int,
) -> tuple[dict[str, PoolPlan], str]:
    """Plan pools as `plan_pools` does, with fewer slots where shared memory is small.

    Args:
        graph: the graph.
        settings: the machine.
        path: pool name -> where its file shall lie.
        source_hw: source id -> height and width, as far as they are known.
        free_bytes: shared memory that is free.

    Returns:
        The plans, and a sentence that says so where they have fewer slots.

    Raises:
        ConfigError: there is not enough for the fewest slots.
    """
    wanted = plan_pools(graph, settings, path, source_hw)
    if needed_bytes(wanted) <= free_bytes:
        return wanted, ""
    fewer = wanted
    # An eighth stays free: other programs use the same memory.
    for mib in range(min(settings.pool_mib, free_bytes * 7 // 8 >> 20), 0, -1):
        lowered = settings.model_copy(update={"pool_mib": mib})
        fewer = plan_pools(graph, lowered, path, source_hw)
        if needed_bytes(fewer) <= free_bytes * 7 // 8:
            break
    if (least := needed_bytes(fewer)) > free_bytes:
        raise ConfigError(
            f"shared memory is too small: this run needs {-(-least >> 20)} MiB in {FOLDER} at"
            f" least, {free_bytes >> 20} MiB are free: make it larger, {SHM_REMEDY}; or lower"
            " `slot_hw` in the deploy file if every source has smaller images"
        )
    slots = ", ".join(f"{name} {fewer[name].slots} of {wanted[name].slots}" for name in wanted)
    return fewer, (
        f"shared memory is small ({free_bytes >> 20} MiB free in {FOLDER}): fewer images are under"
        f" way at once ({slots} slots), which may be slower; {SHM_REMEDY}"
    )


def needed_bytes(pools: Mapping[str, PoolPlan]) -> int:
    """Shared memory that pools take together."""
    shared = [pool for pool in pools.values() if pool.kind == "shm"]
    return sum(arena_bytes(pool.slots, pool.slot_bytes) for pool in shared)
