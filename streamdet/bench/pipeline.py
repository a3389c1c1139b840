"""The whole pipeline against the plain loop: people in a clip, found, tracked and published."""

from __future__ import annotations

import sys

from streamdet.bench.material import Material
from streamdet.bench.measured import pipeline_command, private_redis, run_quietly
from streamdet.bench.metrics import Aim, Metric, Outcome

ROUNDS = 3
FP32 = ("detect.runtime=onnxruntime", "detect.precision=fp32")


def run(material: Material) -> Outcome:
    """Run the loop, the pipeline, and the pipeline in the loop's own arithmetic, in turn.

    The fastest round of each counts.
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
    # Not the median: on two quiet cores the loop's own threads make it 40 fps or 70.
    loop, ours, fp32 = (max(rounds[name], key=lambda one: one["fps"]) for name in commands)
    return Outcome(
        metrics=[
            Metric("pipeline / plain loop, fps", ours["fps"] / loop["fps"], "", Aim(">=", 2.0)),
            Metric("the same with start and end", loop["wall_s"] / ours["wall_s"]),
            Metric("pipeline at the loop's fp32 / loop, fps", fp32["fps"] / loop["fps"]),
            Metric("plain loop (onnxruntime fp32)", loop["fps"], "fps"),
            Metric("pipeline (as configured)", ours["fps"], "fps"),
            Metric("pipeline (onnxruntime fp32)", fp32["fps"], "fps"),
        ],
        details=rounds,
    )
