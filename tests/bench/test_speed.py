"""The pipeline's speed: what is made of the rounds, and the programs that are measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamdet.bench import bare, limit, pipeline, plain_loop
from streamdet.bench.material import Material
from streamdet.bench.measured import private_redis
from streamdet.bench.metrics import Outcome
from streamdet.transport.connection import connect

ROUND = {"frames": 800.0, "wall_s": 10.0, "cpu_s": 16.0, "others_cores": 0.0}


def values(outcome: Outcome) -> dict[str, float]:
    return {metric.what: metric.value for metric in outcome.metrics}


def test_the_best_round_of_each_counts() -> None:
    fps = {"loop": (40, 50, 45), "pipeline": (100, 90, 110), "pipeline_fp32": (80, 75, 120)}
    rounds = {name: [ROUND | {"fps": float(one)} for one in each] for name, each in fps.items()}
    outcome = pipeline.compare(rounds)
    found = values(outcome)
    assert found["pipeline / plain loop at fp32, fps"] == 120 / 50
    assert found["pipeline as configured / loop, fps"] == 110 / 50
    assert outcome.is_reached


def test_the_limit_is_cores_by_bare_seconds() -> None:
    bare_ms = [{"decode": 2.0, "detect": 9.0}, {"decode": 3.0, "detect": 8.0}]
    runs = [ROUND | {"fps": 140.0}, ROUND | {"fps": 150.0}]
    starts = [ROUND | {"fps": 150.0, "frames": 0.0, "cpu_s": 2.0}]
    found = values(limit.compare(bare_ms, runs, starts, core_count=2))
    assert found["limit: cores / bare CPU per frame"] == 200
    assert found["pipeline / limit, fps"] == 0.75
    assert found["pipeline's CPU per frame, without its start"] == 1000 * 14 / 800


@pytest.mark.data
def test_every_stage_has_a_bare_cost(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    material = Material(data)
    monkeypatch.setenv("STREAMDET_MODELS", str(material.models))
    with private_redis() as url:
        bare.main([str(material.clip), url], frames=3)
    costs_ms = json.loads(capsys.readouterr().out)
    assert list(costs_ms) == ["decode", "prepare", "detect", "track", "publish"]
    assert costs_ms["detect"] > costs_ms["track"] > 0


@pytest.mark.data
def test_the_plain_loop_publishes_every_frame(data: Path) -> None:
    material = Material(data)
    weights = str(material.models / "yolox_nano.onnx")
    with private_redis() as url:
        plain_loop.main([str(material.short_clip), weights, url, "loop"])
        entries: Any = connect(url).xrange("loop")
    found = [json.loads(fields[b"metadata"]) for _, fields in entries]
    assert [one["frame_id"] for one in found] == list(range(8))
    assert len(found[7]["objects"]) > 3
