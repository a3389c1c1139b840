"""The pipeline against what the machine could do at best: cores / bare CPU seconds per frame."""

from __future__ import annotations

import json
import subprocess
import sys

from streamdet.bench.material import Material
from streamdet.bench.measured import pipeline_command, private_redis, run_quietly
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import candidates
from streamdet.graph import load_graph
from streamdet.models.measured_choice import Candidate
from streamdet.system.cores import cores

ROUNDS = 3


def run(material: Material) -> Outcome:
    """Measure the stages alone and the pipeline, in turn; the best round of each counts.

    The stages alone are measured with each runtime that the pipeline may choose: the limit is the
    fastest one's, whatever the pipeline has chosen.
    """
    bare: list[dict[str, float]] = []
    runs: list[dict[str, float]] = []
    starts: list[dict[str, float]] = []
    runtimes = _runtimes()
    with private_redis() as url:
        whole = pipeline_command(material.clip, url, "limit")
        start = pipeline_command(material.short_clip, url, "limit")
        for _ in range(ROUNDS):
            bare += [_bare_costs_ms(material, url, one) for one in runtimes]
            runs.append(run_quietly(whole, material, url, "limit"))
            starts.append(run_quietly(start, material, url, "limit"))
    return compare(bare, runs, starts, cores())


def compare(
    bare: list[dict[str, float]],
    runs: list[dict[str, float]],
    starts: list[dict[str, float]],
    core_count: int,
) -> Outcome:
    """Hold the best round of the pipeline against what the cores could do at best.

    Args:
        bare: stage -> CPU milliseconds per frame, a round each.
        runs: what `run_once` gave of the whole clip, a round each.
        starts: the same of a few frames, which cost little more than the start.
        core_count: cores of the machine.
    """
    costs_ms = {name: min(one[name] for one in bare) for name in bare[0]}
    bare_ms = sum(costs_ms.values())
    limit_fps = core_count / (bare_ms / 1000)
    best = max(runs, key=lambda one: one["fps"])
    fps, spent_ms = best["fps"], _marginal_ms(runs, starts)
    return Outcome(
        metrics=[
            Metric("pipeline / limit, fps", fps / limit_fps, "", Aim(">=", 0.95)),
            Metric("limit: cores / bare CPU per frame", limit_fps, "fps"),
            Metric("pipeline", fps, "fps"),
            Metric("bare CPU per frame", bare_ms, "ms"),
            *(Metric(f"  {name}", cost_ms, "ms") for name, cost_ms in costs_ms.items()),
            Metric("pipeline's CPU per frame, without its start", spent_ms, "ms"),
            Metric("bare CPU / pipeline's CPU", bare_ms / spent_ms),
            Metric("others' cores meanwhile", best["others_cores"]),
        ],
        details={"bare": bare, "runs": runs, "starts": starts},
    )


def _runtimes() -> list[Candidate]:
    """List what the pipeline's detector may choose from here."""
    node = load_graph("people", overrides=["detect.model=yolox_nano"]).nodes["detect"]
    assert isinstance(node.options, NetworkOptions)
    assert node.model is not None
    return [*candidates(node.options, node.model)]


def _bare_costs_ms(material: Material, url: str, runtime: Candidate) -> dict[str, float]:
    command = [
        *(sys.executable, "-m", "streamdet.bench.bare", str(material.clip), url),
        f"detect.runtime={runtime.runtime}",
        f"detect.precision={runtime.precision}",
    ]
    done = subprocess.run(command, env=material.environ, stdout=subprocess.PIPE, check=True)
    costs_ms: dict[str, float] = json.loads(done.stdout)
    return costs_ms


def _marginal_ms(runs: list[dict[str, float]], starts: list[dict[str, float]]) -> float:
    """CPU of a frame more: a whole run less one of a few frames."""
    cpu_s, frames = (min(one[key] for one in runs) - min(one[key] for one in starts)
                     for key in ("cpu_s", "frames"))  # fmt: skip
    return 1000 * cpu_s / frames
