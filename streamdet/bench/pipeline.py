"""The whole pipeline against the plain loop: people in a clip, found, tracked and published."""

from __future__ import annotations

import sys

from streamdet.bench.material import Material
from streamdet.bench.measured import pipeline_command, private_redis, run_quietly
from streamdet.bench.metrics import Aim, Metric, Outcome

ROUNDS = 3
FP32 = ("detect.precision=fp32",)


def run(material: Material) -> Outcome:
    """Run the loop, the pipeline in fp32 like the loop, and the pipeline as configured, in turn.

    The fastest round of each counts. What runs the network is measured; the aim is for fp32, so
    that both sides have the same accuracy.
    """
    rounds: dict[str, list[dict[str, float]]] = {}
    with private_redis() as url:
        commands = {
            "loop": [
                *(sys.executable, "-m", "streamdet.bench.plain_loop", str(material.clip)),
                *(str(material.models / "yolox_nano.onnx"), url, "loop"),
            ],
            "pipeline": pipeline_command(material.clip, url, "pipeline"),
            "pipeline_fp32": pipeline_command(material.clip, url, "pipeline_fp32", *FP32),
        }
        for _ in range(ROUNDS):
            for name, command in commands.items():
                rounds.setdefault(name, []).append(run_quietly(command, material, url, name))
    return compare(rounds)


def compare(rounds: dict[str, list[dict[str, float]]]) -> Outcome:
    """Compare the fastest rounds.

    Args:
        rounds: "loop", "pipeline" and "pipeline_fp32" -> what `run_once` gave, a round each.
    """
    # Not the median: on two quiet cores the loop's own threads make it 40 fps or 70.
    loop, ours, fp32 = (
        max(rounds[name], key=lambda one: one["fps"])
        for name in ("loop", "pipeline", "pipeline_fp32")
    )
    ratio = fp32["fps"] / loop["fps"]
    return Outcome(
        metrics=[
            Metric("pipeline / plain loop at fp32, fps", ratio, "", Aim(">=", 2.4)),
            Metric("the same with start and end", loop["wall_s"] / fp32["wall_s"]),
            Metric("pipeline as configured / loop, fps", ours["fps"] / loop["fps"]),
            Metric("plain loop (onnxruntime fp32)", loop["fps"], "fps"),
            Metric("pipeline (as configured)", ours["fps"], "fps"),
            Metric("pipeline (fp32)", fp32["fps"], "fps"),
        ],
        details=rounds,
    )
