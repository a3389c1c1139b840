"""Where objects stood, drawn over the source's image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from streamdet.messages import FrameMessage
from streamdet.sinks.heatmap import HeatmapOptions, HeatmapSink
from tests.sinks.frames import HW, context, image, message, one


def sink(folder: Path, *sources: str, **options: Any) -> HeatmapSink:
    values = {"path": folder / "heat.png"} | options
    made = HeatmapSink(HeatmapOptions(**values), context(*(sources or ("cam",))))
    made.restore({})
    return made


def standing(x: float, y: float, index: int = 0, source_id: str = "cam") -> FrameMessage:
    """A frame with a car that stands at (x, y)."""
    return replace(message(source_id, index), detections=one([x - 2, y - 5, x + 2, y]))


def play(made: HeatmapSink, frames: list[FrameMessage]) -> dict[str, bytes]:
    states: dict[str, bytes] = {}
    for frame in frames:
        made.write([frame], [image()])
        states |= made.states()
        made.committed()
    return states


def read(path: Path) -> npt.NDArray[np.int64]:
    return np.asarray(cv2.imread(str(path)), np.int64)


def hottest(path: Path) -> tuple[int, int]:
    """Where the picture is reddest: x, y."""
    drawn = read(path)
    red = drawn[..., 2] - drawn[..., 0]
    y, x = np.unravel_index(np.argmax(red), red.shape)
    return int(x), int(y)


def test_it_is_hottest_where_objects_stood_longest(tmp_path: Path) -> None:
    made = sink(tmp_path)
    play(made, [standing(50, 40, i) for i in range(9)] + [standing(12, 12, i) for i in (9, 10)])
    made.finish("cam")
    assert read(tmp_path / "heat.png").shape == (*HW, 3)
    assert np.abs(np.subtract(hottest(tmp_path / "heat.png"), (50, 40))).max() <= 2


def test_the_image_is_there_from_the_first_frame_and_grows(tmp_path: Path) -> None:
    made = sink(tmp_path, every_s=0.3)
    play(made, [standing(50, 40)])
    first = (tmp_path / "heat.png").read_bytes()
    play(made, [standing(12, 12, 1), standing(12, 12, 2)])
    assert (tmp_path / "heat.png").read_bytes() == first
    play(made, [standing(12, 12, 3)])  # three frames of 0.1 s later
    assert (tmp_path / "heat.png").read_bytes() != first


def test_a_process_that_takes_over_goes_on_counting(tmp_path: Path) -> None:
    frames = [standing(10 + 5 * i, 40, i) for i in range(8)]
    whole = sink(tmp_path / "a")
    play(whole, frames)
    broken = sink(tmp_path / "b")
    states = play(broken, frames[:4])
    broken.write(frames[4:6], [image()] * 2)  # and dies before these are committed
    after = sink(tmp_path / "b")
    after.restore(states)
    play(after, frames[4:])
    for made in (whole, after):
        made.finish("cam")
    assert (tmp_path / "a/heat.png").read_bytes() == (tmp_path / "b/heat.png").read_bytes()


def test_dropped_frames_and_other_classes_do_not_count(tmp_path: Path) -> None:
    made = sink(tmp_path, classes=["bus"])
    dropped = replace(standing(50, 40, 1), drop_reason="stale")
    play(made, [standing(50, 40), dropped])  # a car: class 0
    made.finish("cam")
    assert np.unique(read(tmp_path / "heat.png")).tolist() == [90]


def test_each_source_has_an_image_of_its_own(tmp_path: Path) -> None:
    made = sink(tmp_path, "a", "b")
    play(made, [standing(50, 40, 0, "a"), standing(12, 12, 0, "b")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heat-a.png", "heat-b.png"]


def test_a_name_that_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must end in \.png or \.jpg, got 'heat\.txt'"):
        HeatmapOptions(path=Path("heat.txt"))
