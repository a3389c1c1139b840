"""Every example of docs/python.md runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

import streamdet
from tests.redis_server import RedisServer

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
SAID = {
    "streamdet.load": "a.jpg person",
    "streamdet.stream": "street 10 ",
    "next(frames)": "stopped",
    "streamdet.run": "done ",
    "streamdet.read": "street 0 ",
    "to_supervision": "2 2",
}
"""What stands in an example -> what it prints (the last that fits counts)."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer, data: Path) -> Path:
    """A folder with the files that the examples name, and a run's messages on the server."""
    folder = tmp_path_factory.mktemp("examples")
    person = data / "datasets" / "pennfudan" / "images"
    pixels = cv2.imread(str(sorted(person.iterdir())[0]))
    assert pixels is not None
    for name in ("a.jpg", "b.jpg"):
        cv2.imwrite(str(folder / name), pixels)
    (folder / "street.mp4").symlink_to(data / "videos" / "tud-campus.mp4")
    streamdet.run("people", sources=[folder / "street.mp4"], redis=redis_server.url)
    return folder


def said_by(example: str) -> str:
    return [text for part, text in SAID.items() if part in example][-1]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example: str, folder: Path, redis_server: RedisServer) -> None:
    if "import supervision" in example and find_spec("supervision") is None:
        pytest.skip("supervision is not installed")
    code = example.replace("redis://localhost:6379", redis_server.url)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(f"^{re.escape(said_by(example))}", done.stdout, re.MULTILINE), done.stdout


def test_the_page_has_an_example_for_each_function() -> None:
    assert len(EXAMPLES) == len(SAID)
    assert sorted(map(said_by, EXAMPLES)) == sorted(SAID.values())
