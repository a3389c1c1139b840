"""`check` says at once what can be known, and otherwise that more may follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main

MORE = "error: fix these, then check again: more may follow"


def errors_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    capsys.readouterr()
    assert main(["check", *arguments]) == 2
    return capsys.readouterr().err.splitlines()


def test_mistakes_of_several_kinds_are_said_together(capsys: pytest.CaptureFixture[str]) -> None:
    *lines, last = errors_of(
        capsys, "people", "--set", "detec.batch=4", "--output", "boxes.xyz",
        "--set", "track.max_agee=3", "--set", "prepare.replicas=x", "--source", "none.mp4",
    )  # fmt: skip
    said = ("no node 'detec'", "boxes.xyz: must end in", "track.max_agee", "replicas", "none.mp4")
    assert [words for words in said if not any(words in line for line in lines)] == []
    assert len(lines) == len(said)
    assert last == MORE


def test_what_comes_last_is_said_whole_without_a_promise_of_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in ("jsonl", "mp4"):
        (tmp_path / f"a.{suffix}").mkdir()
    lines = errors_of(
        capsys, "people", "--output", f"{tmp_path}/a.jsonl", "--output", f"{tmp_path}/a.mp4",
        "--set", "prepare.kind=letterbox", "--set", "prepare.hw=[64, 64]",
    )  # fmt: skip
    assert [any(f"a.{end}" in line for line in lines) for end in ("jsonl", "mp4")] == [True, True]
    assert any("wanted" in line for line in lines)
    assert MORE not in lines


def test_a_wrong_version_does_not_hide_a_wrong_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "g.yaml"
    graph.write_text("version: 2\nnodes:\n  camera: {kind: sorce, uri: none.mp4}\n")
    version, kind, last = errors_of(capsys, str(graph))
    assert "version" in version
    assert "'sorce'" in kind
    assert last == MORE


def test_nodes_that_are_no_mapping_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "g.yaml"
    graph.write_text("version: 1\nnodes: [camera]\n")
    line, last = errors_of(capsys, str(graph))
    assert "nodes" in line
    assert last == MORE
