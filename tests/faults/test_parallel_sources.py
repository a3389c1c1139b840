"""Files that are read at once give what they give one after another, whoever is killed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from streamdet.sources import Position
from streamdet.sources.synthetic import SyntheticSource
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    lines_of,
    output_of,
    results_of,
    stage_processes,
    streamdet,
    wait_for_lines,
)

FRAMES = {"a": 90, "b": 40, "c": 70, "d": 50}
OPTIONS = (
    *("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=240"),
    *("--set", "detect.score_thresh=0.05", "--set", "detect.replicas=2"),
)


def write_scene(path: Path, seed: int, frames: int) -> None:
    """Encode a rendered scene."""
    source = SyntheticSource(
        f"synthetic:street?seed={seed}&frames={frames}&hw=240x320", SyntheticSource.Options()
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 240, 320, "yuv420p"
        for decoded in source.frames(Position()):
            image = av.VideoFrame.from_ndarray(decoded.image.bgr(), "bgr24")
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, frames) in enumerate(FRAMES.items()):
        write_scene(folder / f"{name}.mp4", seed, frames)
    return folder


def leave_alone(process: subprocess.Popen[str], lines: Path) -> None:
    """An unbroken run."""


def ran(
    clips: Path,
    folder: Path,
    parallel: int,
    hurt: Callable[[subprocess.Popen[str], Path], None] = leave_alone,
) -> tuple[list[dict[str, Any]], str]:
    """The lines of a run over the clips, and what it printed."""
    lines = folder / f"o{parallel}.jsonl"
    arguments = ["run", "people", *OPTIONS, "--source", str(clips), "--output", str(lines)]
    with streamdet(*arguments, "--set", f"camera.parallel={parallel}") as process:
        hurt(process, lines)
        text = output_of(process, 200)
    assert (process.returncode, errors_in(text)) == (0, []), text
    assert_each_once_in_order(lines_of(lines), FRAMES)
    return lines_of(lines), text


@pytest.fixture(scope="module")
def calm(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the clips give one after another."""
    lines, _ = ran(clips, tmp_path_factory.mktemp("calm"), 1)
    sources = [line["source_id"] for line in lines]
    # In turn, but for the last frames of a file: one replica may end later than the other.
    assert list(dict.fromkeys(sources)) == sorted(FRAMES)
    assert sum(len(line["objects"]) for line in lines) > 200
    return results_of(lines)


def test_files_at_once_give_the_same_objects(
    clips: Path, tmp_path: Path, calm: dict[str, list[Any]]
) -> None:
    lines, _ = ran(clips, tmp_path, 2)
    assert results_of(lines) == calm
    sources = [line["source_id"] for line in lines]
    assert sources.index("b") < max(at for at, name in enumerate(sources) if name == "a")


def test_killed_source_workers_lose_and_double_nothing(
    clips: Path, tmp_path: Path, calm: dict[str, list[Any]]
) -> None:
    killed: list[str] = []

    def kill_both(process: subprocess.Popen[str], lines: Path) -> None:
        for count in (1, 60, 120):
            wait_for_lines(lines, count, process)
            for child in stage_processes(process):
                if child.name().startswith("sd:front-"):
                    killed.append(child.name())
                    child.kill()

    lines, text = ran(clips, tmp_path, 2, kill_both)
    assert results_of(lines) == calm
    assert {"sd:front-0", "sd:front-1"} <= set(killed)
    assert f", {len(killed)} restarts\n" in text


def test_a_file_that_is_broken_costs_its_own_frames_only(
    clips: Path, tmp_path: Path, calm: dict[str, list[Any]]
) -> None:
    folder = tmp_path / "clips"
    shutil.copytree(clips, folder)
    (folder / "aa.mp4").write_bytes(b"no video")
    lines = tmp_path / "o.jsonl"
    arguments = ["run", "people", *OPTIONS, "--source", str(folder), "--output", str(lines)]
    with streamdet(*arguments, "--set", "camera.parallel=3") as process:
        text = output_of(process, 200)
    assert process.returncode == 1
    assert "aa.mp4" in text
    assert results_of(lines_of(lines)) == calm
