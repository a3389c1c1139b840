"""File names that are no UTF-8, or full of what shells, YAML and FFmpeg treat specially."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from streamdet.evaluation.image_file import read_image
from tests.cases.machine import streamdet
from tests.faults.storm import lines_of
from tests.sources.made_video import write_images, write_video

NAMES = [
    b"caf\xe9 entr\xe9e.mp4",  # Latin-1
    b"100% \"Hof\" 'A' #1; $(x) ${HOME} [cam 1]?.mp4",
    b"line\nbreak\ttab.mp4",
    b"concat:a|b.mp4",
    b"-dash.mp4",
]
PLAIN_NAMES = [b"null", b"2026", b"~x.mp4", b"%03d.mp4", b" a*b ", b"subfile,,start,0:x", b"\xff"]
GRAPH = """
version: 1
name: write
nodes:
  camera: {{kind: source, uri: "${{STREAMDET_SOURCE:-synthetic:street}}", process: all}}
  write: {{kind: jsonl, reads: camera, path: "{folder}/seen.jsonl", process: all}}
"""
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def first_by_day(names: list[bytes], count: int) -> list[Any]:
    """All names as parameters, those after the first few at night only."""
    return [
        pytest.param(name, marks=[pytest.mark.nightly] if number >= count else [])
        for number, name in enumerate(names)
    ]


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "write.yaml"
    path.write_text(GRAPH.format(folder=tmp_path))
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    content = write_video(tmp_path_factory.mktemp("made") / "v.mp4", 3).read_bytes()
    folder = tmp_path_factory.mktemp("odd")
    (folder / "all").mkdir()
    for name in NAMES:
        (folder / "all" / os.fsdecode(name)).write_bytes(content)
    for name in PLAIN_NAMES:
        (folder / os.fsdecode(name)).write_bytes(content)
    return folder


def test_each_file_of_a_folder_is_read_and_the_report_is_json_and_utf_8(
    graph: Path, videos: Path, tmp_path: Path
) -> None:
    report = tmp_path / "r.json"
    streamdet("run", graph, "--source", videos / "all", "--report", report)
    assert len(lines_of(tmp_path / "seen.jsonl")) == 15
    sources = json.loads(report.read_bytes().decode())["sources"]
    json.dumps(sources, ensure_ascii=False).encode()  # without surrogates
    assert f"{videos}/all/caf\\xe9 entr\\xe9e.mp4" in {source["address"] for source in sources}


@pytest.mark.parametrize("name", first_by_day(NAMES, 1))
@pytest.mark.parametrize("locale", [{}, C_LOCALE])
def test_a_file_given_alone_is_read(
    graph: Path, videos: Path, tmp_path: Path, name: bytes, locale: dict[str, str]
) -> None:
    path = os.fsencode(videos / "all") + b"/" + name
    streamdet("run", graph, "--source", path, env=locale)
    assert len(lines_of(tmp_path / "seen.jsonl")) == 3
    streamdet("run", graph, env={**locale, "STREAMDET_SOURCE": os.fsdecode(path)})
    assert len(lines_of(tmp_path / "seen.jsonl")) == 3


@pytest.mark.parametrize("name", first_by_day(PLAIN_NAMES, 1))
def test_a_name_without_a_folder_is_no_value_and_no_protocol(
    graph: Path, videos: Path, tmp_path: Path, name: bytes
) -> None:
    inside = ["env", "-C", str(videos)]
    streamdet("run", graph, "--source", name, inside=inside)
    assert len(lines_of(tmp_path / "seen.jsonl")) == 3
    streamdet("run", graph, env={"STREAMDET_SOURCE": os.fsdecode(name)}, inside=inside)
    assert len(lines_of(tmp_path / "seen.jsonl")) == 3


def test_images_in_an_odd_folder_are_read(graph: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"[\xe9t\xe9] #1")
    write_images(tmp_path / "plain", 3).rename(folder)  # OpenCV dies of such a name itself
    (folder / "1.png").rename(folder / os.fsdecode(b"\xe9.png"))
    streamdet("run", graph, "--source", folder)
    assert len(lines_of(tmp_path / "seen.jsonl")) == 3


@pytest.mark.parametrize("locale", [{}, C_LOCALE])
def test_what_is_wrong_with_an_odd_name_is_one_valid_line(
    graph: Path, locale: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory(prefix="sd-") as short:  # an error shows 80 characters
        odd, report = Path(short) / os.fsdecode(b"d\xe9j\xe0\nvu.mp4"), Path(short) / "r.json"
        complain_of(graph, odd, report, locale)


def complain_of(graph: Path, odd: Path, report: Path, locale: dict[str, str]) -> None:
    missing = streamdet("run", graph, "--source", os.fsencode(odd), env=locale, code=2)
    assert "d\\xe9j\\xe0\\nvu.mp4 is not a source: no such file or folder" in missing.stderr
    assert len(missing.stderr.splitlines()) == 1
    odd.write_bytes(b"\x00\x01\x02" * 1000)
    broken = streamdet(
        *("run", graph, "--source", os.fsencode(odd), "--report", report), env=locale, code=1
    )
    (line,) = [line for line in broken.stderr.splitlines() if line.startswith("error: ")]
    assert "d\\xe9j\\xe0" in line
    assert json.loads(report.read_bytes().decode())["sources"][0]["error"] in line


def test_a_value_other_than_a_source_must_be_utf_8(tmp_path: Path) -> None:
    graph = tmp_path / "write.yaml"
    graph.write_text(GRAPH.format(folder="${OUT}"))
    out = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    done = streamdet("run", graph, env={"OUT": out}, code=2)
    assert "write.path must be UTF-8" in done.stderr


def test_an_image_of_a_data_set_may_have_any_name(tmp_path: Path) -> None:
    image = write_images(tmp_path, 1) / "1.png"
    odd = image.rename(tmp_path / os.fsdecode(b"\xe9t\xe9.png"))
    assert read_image(odd).shape == (48, 64, 3)  # cv2.imread dies of it
