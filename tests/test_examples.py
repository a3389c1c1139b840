"""Every example of examples/ runs as it stands there."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import streamdet
from streamdet.records.writer import RecordWriter
from tests.records.made_rows import event
from tests.redis_server import RedisServer

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_python(*arguments: object, cwd: Path) -> str:
    """What a program prints; it must end well."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_people_are_counted_by_the_hour_and_line(tmp_path: Path) -> None:
    crossings = [
        ("09:59:59", "gate", "in", "person"),
        ("10:00:00", "gate", "in", "person"),
        ("10:59:59", "gate", "out", "person"),
        ("10:30:00", "door", "in", "person"),
        ("10:30:01", "gate", "in", "car"),
    ]
    writer = RecordWriter(tmp_path / "yard.records")
    for number, (at, line, direction, label) in enumerate(crossings):
        keys = {"event": "line_crossed", "zone": None, "line": line, "direction": direction}
        writer.write([event(number, f"2025-11-29T{at}.000000Z", label=label, **keys)])
    writer.close()
    run_python(EXAMPLES / "people_by_hour.py", "yard.records", "people.csv", cwd=tmp_path)
    with (tmp_path / "people.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["hour", "line", "in", "out"],
            ["2025-11-29T09:00Z", "gate", "1", "0"],
            ["2025-11-29T10:00Z", "door", "1", "0"],
            ["2025-11-29T10:00Z", "gate", "1", "1"],
        ]


def test_two_programs_of_a_group_share_the_messages(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.client().delete("detections")  # other tests have published there
    program = [sys.executable, str(EXAMPLES / "second_program.py"), redis_server.url]
    said = [tmp_path / "first.txt", tmp_path / "second.txt"]
    readers = []
    for path in said:
        with path.open("w") as file:
            readers.append(subprocess.Popen(program, stdout=file, cwd=tmp_path))
    source = "synthetic:street?frames=40&hw=240x320"
    streamdet.run("people", sources=[source], redis=redis_server.url)
    deadline_s = time.monotonic() + 60
    while sum(path.read_text().count("\n") for path in said) < 40 and time.monotonic() < deadline_s:
        time.sleep(0.1)
    for reader in readers:
        reader.terminate()
        reader.wait()
    texts = [path.read_text() for path in said]
    frames = re.findall(r"^street (\d+) \d+ people$", "".join(texts), re.M)
    assert sorted(map(int, frames)) == list(range(40))
    assert all(texts)


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    cells = json.loads((EXAMPLES / "results.ipynb").read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert all(not cell.get("outputs") for cell in cells)  # no output is kept with it
    said = run_python("-c", code, cwd=tmp_path)
    assert said.startswith("done 60 frames\n")
    assert re.search(r"^\d+ person \d+ 0\.\d+ \[", said, re.M)  # a track
    assert re.search(r"^\d+ people: \[0", said, re.M)


def test_the_list_of_examples_is_whole() -> None:
    listed = set(re.findall(r"\]\(([\w.]+)\)", (EXAMPLES / "README.md").read_text()))
    there = {path.name for path in EXAMPLES.iterdir()} - {"README.md", "__pycache__"}
    assert listed == there
