"""`streamdet eval published`: the frames that a run wrote, without the extra `evaluation`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streamdet.cli import main
from streamdet.sources.scene_uri import parse_scene
from streamdet.sources.street import Street

SCENE = "synthetic:street?seed=7&frames=3"  # begins with people and cars, all well in sight


def line(index: int, **changes: Any) -> str:
    """A frame in which everybody is found, and every car taken for a person."""
    seen = Street(parse_scene(SCENE)).truth(index)
    boxes = [
        {"id": None, "label": "person", "confidence": 0.9, "bbox": box}
        for box in seen.xyxy.tolist()
    ]
    values = {"frame_id": index, "pts_ns": index * 40_000_000, "height": 480, "width": 640}
    return json.dumps(values | {"objects": boxes} | changes)


def published(folder: Path, *lines: str) -> list[str]:
    path = folder / "frames.jsonl"
    path.write_text("\n".join(lines))
    return ["eval", "published", str(path), "--source", SCENE]


def test_each_class_gets_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = published(tmp_path, *map(line, range(3)))
    assert main(arguments) == 0
    head, person, car = capsys.readouterr().out.splitlines()
    assert head == f"{tmp_path}/frames.jsonl: 3 frames of {SCENE}, boxes at IoU 0.5"
    assert person.startswith("  person: AP50 ")
    assert ", 100.0% of " in person
    assert car.startswith("  car: AP50 0.000, 0.0% of ")
    assert car.endswith(" found, no box")
    assert main([*arguments, "--classes", "person"]) == 0
    assert capsys.readouterr().out.splitlines() == [head, person]


def test_what_a_reader_must_know_of_the_truth_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gt.txt").write_text("1,1,1,1,9,9,1\n9,1,1,1,9,9,1\n")
    arguments = published(tmp_path, line(0))
    assert main([*arguments, "--truth", str(tmp_path / "gt.txt")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "  note: the truth goes on to frame 9, the video ends at 1"


def test_it_loads_neither_torch_nor_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; from streamdet.cli import main; main(sys.argv[1:]);"
        "print(*{'torch', 'scipy', 'motmetrics', 'pycocotools', 'matplotlib'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, *published(tmp_path, *map(line, range(3)))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "wanted all frames of one video, each once, got 0 lines up to frame 0"),
        ([line(0), line(0)], "each once, got 2 lines up to frame 1"),
        ([line(0), line(1, pts_ns=80_000_000)], "frame 2 must stand at 40000000 ns, got 80000000"),
        ([line(0), "nonsense"], "frames.jsonl:2: is not what a run wrote by --output FRAMES.jsonl"),
        (["{}"], "frames.jsonl:1: is not what a run wrote"),
    ],
)
def test_a_file_of_something_else_is_one_sentence(
    tmp_path: Path, lines: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(published(tmp_path, *lines)) == 2
    [said] = capsys.readouterr().err.splitlines()
    assert sentence in said
