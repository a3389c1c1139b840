"""Videos whose pixels are not square are seen, published and written as they are shown."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamdet.image import Pixels
from streamdet.messages import FrameMessage
from streamdet.sinks.video import VideoOptions, VideoSink
from streamdet.sources import DecodedFrame, Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.images import ImagesOptions, ImagesSource
from tests.sinks.frames import context, frame
from tests.sources.made_video import turn

HW = (48, 64)


def scene(hw: tuple[int, int] = HW) -> Pixels:
    """A white block on grey: a quarter of the width, half of the height, right of the middle."""
    pixels = np.full((*hw, 3), 80, np.uint8)
    pixels[hw[0] // 4 : hw[0] * 3 // 4, hw[1] // 2 : hw[1] * 3 // 4] = 255
    return pixels


def write(path: Path, aspect: Fraction, stored_hw: tuple[int, int], count: int = 6) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = stored_hw
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        stream.codec_context.max_b_frames = 2
        for _ in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(stored_hw), "bgr24")))
        container.mux(stream.encode(None))
    return path


def restate(path: Path, width: int, height: int) -> Path:
    """Change the container's word, which is 4:1; the codec's stays."""
    content, stated = path.read_bytes(), b"pasp" + struct.pack(">II", 4, 1)
    assert content.count(stated) == 1
    path.write_bytes(content.replace(stated, b"pasp" + struct.pack(">II", width, height)))
    return path


def source(path: Path) -> FileSource:
    return FileSource(str(path), FileOptions())


def first(path: Path) -> DecodedFrame:
    return next(source(path).frames(Position()))


def is_alike(pixels: Pixels, wanted: Pixels) -> bool:
    """Same size, and hardly a pixel differs but at the block's blurred edges."""
    if pixels.shape != wanted.shape:
        return False
    return float(np.abs(pixels.astype(int) - wanted).mean()) < 6


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".h264"])
def test_narrow_pixels_are_widened(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"v{suffix}", Fraction(2), (48, 32))
    image = first(path).image
    assert image.hw == source(path).probe().hw == HW
    assert is_alike(image.bgr(), scene())


def test_flat_pixels_are_heightened_so_that_none_is_lost(tmp_path: Path) -> None:
    image = first(write(tmp_path / "v.mp4", Fraction(1, 2), (24, 64))).image
    assert is_alike(image.bgr(), scene())


@pytest.mark.parametrize(
    ("aspect", "stored_hw", "shown_hw"),
    [
        (Fraction(64, 45), (576, 720), (576, 1024)),  # PAL 16:9
        (Fraction(8, 9), (480, 720), (540, 720)),  # NTSC 4:3
        (Fraction(32, 27), (480, 720), (480, 853)),  # NTSC 16:9: 853.3
    ],
)
def test_sizes_of_broadcast_video(
    tmp_path: Path, aspect: Fraction, stored_hw: tuple[int, int], shown_hw: tuple[int, int]
) -> None:
    assert source(write(tmp_path / "v.mp4", aspect, stored_hw, 1)).probe().hw == shown_hw


def test_the_detectors_input_is_resized_straight_from_the_stored_image(tmp_path: Path) -> None:
    out = np.zeros((24, 32, 3), np.uint8)
    first(write(tmp_path / "v.mp4", Fraction(2), (48, 32))).image.resize_into(out)
    assert is_alike(out, scene((24, 32)))


def test_a_turned_video_is_widened_before_it_is_turned(tmp_path: Path) -> None:
    path = turn(write(tmp_path / "v.mp4", Fraction(2), (48, 32)), (0, 1, -1, 0))
    image = first(path).image
    assert image.hw == source(path).probe().hw == (64, 48)
    assert is_alike(image.bgr(), np.rot90(scene(), -1))


def test_the_containers_word_counts_before_the_codecs(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", Fraction(4), (48, 32))
    restate(path, 2, 1)
    assert [each.image.hw for each in source(path).frames(Position())] == [HW] * 6


@pytest.mark.parametrize("aspect", [Fraction(1000), Fraction(1, 30)])
def test_an_impossible_aspect_is_ignored_and_told(tmp_path: Path, aspect: Fraction) -> None:
    path = write(tmp_path / "v.mp4", Fraction(4), (48, 32))
    reader = source(restate(path, *aspect.as_integer_ratio()))
    assert {each.image.hw for each in reader.frames(Position())} == {(48, 32)}
    ratio = f"{aspect.numerator}:{aspect.denominator}"
    assert [ratio in warning for warning in reader.warnings] == [True]


def test_an_aspect_never_makes_more_pixels_than_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", Fraction(8), (48, 32))
    reader = FileSource(str(path), FileOptions(max_pixels=48 * 100))
    assert {each.image.hw for each in reader.frames(Position())} == {(48, 32)}
    assert "max_pixels" in reader.warnings[0]


@pytest.mark.parametrize("aspects", [(1, 2), (2, 1)])
def test_the_aspect_may_change_within_a_video(tmp_path: Path, aspects: tuple[int, int]) -> None:
    for name, aspect in zip("ab", aspects, strict=True):
        write(tmp_path / f"{name}.ts", Fraction(aspect), (48, 32))
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    reader = source(joined)
    widths = [each.image.hw[1] for each in reader.frames(Position())]
    assert widths == [32 * aspects[0]] * 6 + [32 * aspects[1]] * 6
    assert [warning for warning in reader.warnings if "size changes" in warning]


def test_the_annotated_video_has_the_shown_size(tmp_path: Path) -> None:
    decoded = first(write(tmp_path / "v.mp4", Fraction(2), (48, 32)))
    sink = VideoSink(VideoOptions(path=tmp_path / "seen.mp4"), context("cam"))
    sink.restore({})
    sink.write([FrameMessage(replace(frame(), hw=decoded.image.hw))], [decoded.image])
    sink.committed()
    sink.close()
    with av.open(str(tmp_path / "seen.mp4"), "r") as container:
        shown = next(container.decode(video=0)).to_ndarray(format="bgr24")
    assert is_alike(shown.astype(np.uint8), scene())


def test_the_density_of_a_photograph_in_print_changes_nothing(tmp_path: Path) -> None:
    jpeg = bytearray(cv2.imencode(".jpg", scene())[1].tobytes())
    at = jpeg.index(b"JFIF\0") + 8  # X and Y density
    jpeg[at : at + 4] = struct.pack(">HH", 1, 2)
    (tmp_path / "a.jpg").write_bytes(jpeg)
    images = ImagesSource(str(tmp_path / "a.jpg"), ImagesOptions())
    assert next(images.frames(Position())).image.hw == HW
    assert first(tmp_path / "a.jpg").image.hw == HW
