from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.sinks.output_path import output_path


def test_one_source_gets_exactly_the_given_path() -> None:
    assert output_path(Path("a/out.mp4"), "cam", ["cam"]) == Path("a/out.mp4")


@pytest.mark.parametrize(
    ("source_id", "name"), [("cam", "out-cam.mp4"), ("../x y", "out-.._x_y.mp4")]
)
def test_several_sources_get_a_file_each_beside_it(source_id: str, name: str) -> None:
    assert output_path(Path("a/out.mp4"), source_id, ["cam", "../x y"]) == Path("a") / name


def test_a_camera_that_comes_later_gets_a_file_of_its_own() -> None:
    assert output_path(Path("a/out.mp4"), "yard", ["cam"]) == Path("a/out-yard.mp4")


def test_a_suffix_of_two_parts_stays_whole() -> None:
    sources = ["cam", "yard"]
    assert output_path(Path("o.coco.json"), "cam", sources) == Path("o-cam.coco.json")
    assert output_path(Path("a.b.MOTS.txt"), "cam", sources) == Path("a.b-cam.MOTS.txt")
    assert output_path(Path("o.v1.txt"), "cam", sources) == Path("o.v1-cam.txt")
