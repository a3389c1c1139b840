"""Names that would be obeyed by a terminal, a page, a file system or a protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from streamdet.analytics.places import PlaceName
from streamdet.cli import main
from streamdet.errors import ConfigError, SourceError
from streamdet.models.model_config import load_model_config
from streamdet.sinks.output_path import output_path
from tests.building.constant_network import write_constant_network

NAMES = {
    "folder": "../../x",
    "NUL": "a\0b",
    "line": "a\nSet-Cookie: x",
    "return": "a\r\nb",
    "end": "a\n",
    "html": "<script>alert(1)</script>",
    "clear": "\x1b[2J\x1b]0;owned\x07",
    "C1": "a\x9b2Jb",
    "turned": "exe.\u202e4pm",
    "long": "n" * 300,
}
SHOWN = [name for kind, name in NAMES.items() if kind not in ("folder", "html", "long")]
GRAPH = {
    "version": 1,
    "name": "yard",
    "nodes": {
        "camera": {"kind": "live", "cameras": {"door": "rtsp://127.0.0.1:9/x"}},
        "publish": {"kind": "redis_stream", "reads": "camera"},
    },
}


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says, in lines that a terminal shows and does not obey."""
    assert main([*words]) in (1, 2)
    said = capsys.readouterr().err
    assert len(said.split("\n")) <= 3 and said.replace("\n", "").isprintable(), said
    return said


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("place", ["camera", "node", "graph"])
def test_names_in_graphs_are_refused(
    place: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = yaml.safe_dump(GRAPH)
    assert main(["check", str(write(tmp_path / "good.yaml", text))]) == 0, capsys.readouterr().err
    capsys.readouterr()
    word = {"camera": "door", "node": "publish", "graph": "yard"}[place]
    bad = text.replace(f"{word}\n", f"{quoted(name)}\n").replace(f"{word}:", f"{quoted(name)}:")
    assert bad != text
    said = complaint(capsys, "check", str(write(tmp_path / "bad.yaml", bad)))
    assert "bad.yaml" in said and len(said) < 1000


def quoted(name: str) -> str:
    return yaml.safe_dump(name, default_style='"', width=10_000).strip()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", [*SHOWN, NAMES["long"]])
def test_names_of_zones_and_lines_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PlaceName).validate_python(name)


@pytest.mark.parametrize("name", [*SHOWN, NAMES["long"]])
def test_class_names_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.zeros((1, 6, 8 * 8 + 4 * 4 + 2 * 2), np.float32)
    metadata = {"names": repr({0: name, 1: "dog"})}
    write_constant_network(tmp_path / "n.onnx", values, metadata=metadata)
    said = complaint(capsys, "models", "add", str(tmp_path / "n.onnx"))
    assert "names must be printable, of 100 characters at most" in said
    assert not (tmp_path / "n.yaml").exists()


def test_a_class_name_with_markup_is_a_text_like_others(tmp_path: Path) -> None:
    values = np.zeros((1, 6, 8 * 8 + 4 * 4 + 2 * 2), np.float32)
    write_constant_network(tmp_path / "n.onnx", values)
    classes = f"{NAMES['html']},[bold]x[/bold]"
    assert main(["models", "add", str(tmp_path / "n.onnx"), "--classes", classes]) == 0
    model = load_model_config(str(tmp_path / "n.yaml"))
    assert model.classes == (NAMES["html"], "[bold]x[/bold]")


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("error", [ConfigError, SourceError])
def test_an_error_about_a_name_is_not_obeyed(name: str, error: type[Exception]) -> None:
    shown = str(error(f"{name}: no such file"))
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_files_with_such_names_are_shown_inert(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / f"{name}.mp4")
    assert "bad" not in complaint(capsys, "check", "people", "--source", path)


def test_a_broken_file_with_such_a_name_is_shown_inert(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{NAMES['clear']}\r{NAMES['turned']}.mp4"
    path.write_bytes(b"\0\1\2" * 1000)
    output = str(tmp_path / "seen.jsonl")
    assert main(["run", "people", "--source", str(path), "--output", output]) == 1
    said = capsys.readouterr().err
    assert "\\x1b[2J" in said and said.replace("\n", "").isprintable(), said


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_name_leads_an_output_elsewhere(name: str, tmp_path: Path) -> None:
    path = output_path(tmp_path / "out.mp4", name, ["other", name])
    assert path.parent == tmp_path and path.name.isprintable()
