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


def test_the_best_round_of_each_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    fps = iter([40, 100, 80, 50, 90, 75, 45, 110, 120])

    def run_quietly(command: object, material: object, url: str, name: str) -> dict[str, float]:
        return ROUND | {"fps": float(next(fps))}

    monkeypatch.setattr(pipeline, "run_quietly", run_quietly)
    outcome = pipeline.run(Material(Path("/nowhere")))
    found = values(outcome)
    assert found["pipeline / plain loop at fp32, fps"] == 120 / 50
    assert found["pipeline as configured / loop, fps"] == 110 / 50
    assert outcome.is_reached


def test_the_limit_is_cores_by_bare_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_quietly(command: list[str], *_: object) -> dict[str, float]:
        is_short = "short.mp4" in command
        return ROUND | {"fps": 150.0, "frames": 0, "cpu_s": 2} if is_short else ROUND | {"fps": 150}

    monkeypatch.setattr(limit, "run_quietly", run_quietly)
    monkeypatch.setattr(limit, "_bare_costs_ms", lambda *_: {"decode": 2.0, "detect": 8.0})
    monkeypatch.setattr(limit, "cores", lambda: 2)
    monkeypatch.setattr(Material, "short_clip", Path("short.mp4"))
    found = values(limit.run(Material(Path("/nowhere"))))
    assert found["limit: cores / bare CPU per frame"] == 200
    assert found["pipeline / limit, fps"] == 0.75
    assert found["pipeline's CPU per frame, without its start"] == 1000 * 14 / 800


@pytest.mark.data
def test_every_stage_has_a_bare_cost(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    material = Material(data)
    monkeypatch.setenv("STREAMDET_MODELS", str(material.models))
    monkeypatch.setattr(bare, "FRAMES", 3)
    with private_redis() as url:
        bare.main([str(material.clip), url])
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
