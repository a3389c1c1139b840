"""Names that nobody has, and files read at once where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main

KNOWN = "must be auto or onnxruntime or openvino or tensorrt or torch"
CHECK = ("check", "people", "--source", "synthetic:street")


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ("opnvino", f"{KNOWN} (perhaps 'openvino'), got 'opnvino'"),
        ("OpenVINO", f"{KNOWN} (perhaps 'openvino'), got 'OpenV"),
        ("jsonl", f"{KNOWN}, got 'jsonl'"),
        ("[openvino]", "must be text, got [openvino]"),
    ],
)
def test_a_runtime_that_nobody_has_is_told_with_those_there_are(
    stated: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CHECK, "--set", f"detect.runtime={stated}"]) == 2
    said = capsys.readouterr().err
    assert f"--set detect.runtime={stated}: detect.runtime {sentence}" in said
    assert said.count("\n") == 2  # and that more may follow


def test_a_pool_that_nobody_has_ends_a_run_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy = tmp_path / "gpu.yaml"
    deploy.write_text("slots: 4\npool: cuda\n")
    output = tmp_path / "o.jsonl"
    arguments = ("--source", "synthetic:street?frames=2", "--output", str(output))
    assert main(["run", "people", *arguments, "--deploy", str(deploy)]) == 2
    assert f"{deploy}:2: pool must be shm, got 'cuda'" in capsys.readouterr().err
    assert not output.exists()


def test_a_scene_has_no_files_that_are_read_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CHECK, "--set", "camera.parallel=2"]) == 2
    assert "camera.parallel is an unknown key" in capsys.readouterr().err


def test_analytics_are_no_kind_by_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "g.yaml"
    graph.write_text(
        "version: 1\nnodes:\n"
        "  camera: {kind: source, uri: 'synthetic:street'}\n"
        "  count: {kind: analytics, reads: camera}\n"
        "  out: {kind: jsonl, reads: camera, path: o.jsonl}\n"
    )
    assert main(["check", str(graph)]) == 2
    assert f"{graph}:4: count.kind must be a known kind, got 'analytics'" in capsys.readouterr().err
