"""Of a file's streams the video is read: no cover, no thumbnail, no tile of a larger image."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from streamdet.errors import ConfigError, SourceError
from streamdet.evaluation.image_file import read_image
from streamdet.image import Pixels
from streamdet.sources import Position, SourceInfo
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.images import ImagesOptions, ImagesSource
from tests.sources.made_heif import (
    Item,
    box,
    grid_data,
    image_item,
    mirror_property,
    plain,
    size_property,
    turn_property,
    write_heif,
)
from tests.sources.made_video import picture

Stream = tuple[str, tuple[int, int], int, Disposition | None]
"""Codec, height and width, how many frames, disposition; stream n is of grey level 50 + 100 n."""

VIDEO: Stream = ("libx264", (96, 128), 10, Disposition.default)
SECOND: Stream = ("libx264", (96, 128), 10, Disposition(0))
SMALL: Stream = ("libx264", (48, 64), 10, Disposition(0))
COVER: Stream = ("mjpeg", (200, 200), 1, Disposition.attached_pic)
UNMARKED_COVER: Stream = ("mjpeg", (200, 200), 1, Disposition(0))


def write(path: Path, *streams: Stream) -> Path:
    with av.open(str(path), "w") as container:
        made: list[VideoStream] = []
        for codec, hw, _, disposition in streams:
            stream = cast(VideoStream, container.add_stream(codec, rate=25))
            stream.height, stream.width = hw
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if disposition is not None:
                stream.disposition = disposition
            made.append(stream)
        for number, (stream, (_, hw, count, _)) in enumerate(zip(made, streams, strict=True)):
            frame = av.VideoFrame.from_ndarray(plain(50 + 100 * number, hw), "bgr24")
            for _ in range(count):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def source(path: Path) -> FileSource:
    return FileSource(str(path), FileOptions())


def level(path: Path) -> int:
    """The grey level of the first frame, to the nearest 50."""
    pixels = next(source(path).frames(Position())).image.bgr()
    return round(float(pixels.mean()) / 50) * 50


@pytest.mark.parametrize(
    ("streams", "grey"),
    [
        ((SMALL, VIDEO), 150),
        ((VIDEO, SMALL), 50),
        ((SECOND, VIDEO), 150),
        ((UNMARKED_COVER, VIDEO), 150),
        ((COVER, VIDEO), 150),
    ],
    ids=["default last", "default first", "equal sizes", "unmarked cover", "cover"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_default_video_is_read(
    tmp_path: Path, suffix: str, streams: tuple[Stream, ...], grey: int
) -> None:
    path = write(tmp_path / f"v{suffix}", *streams)
    assert level(path) == grey
    assert source(path).probe().hw == (96, 128)


@pytest.mark.parametrize("suffix", [".ts", ".avi"])
def test_the_largest_video_is_read_where_none_is_the_default(tmp_path: Path, suffix: str) -> None:
    assert level(write(tmp_path / f"v{suffix}", SMALL, VIDEO, SMALL)) == 150


def test_a_choice_among_videos_is_told(tmp_path: Path) -> None:
    reader = source(write(tmp_path / "v.mp4", SMALL, VIDEO))
    assert sum(1 for _ in reader.frames(Position())) == 10
    wanted = "v.mp4: of its 2 video streams only stream 1 (h264, 128x96) is read"
    assert [warning.rpartition("/")[2] for warning in reader.warnings] == [wanted]


def test_a_cover_is_no_choice(tmp_path: Path) -> None:
    reader = source(write(tmp_path / "v.mp4", COVER, VIDEO))
    assert sum(1 for _ in reader.frames(Position())) == 10
    assert reader.warnings == ()


def test_sound_with_a_cover_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mp3"), "w") as container:
        sound = container.add_stream("libmp3lame", rate=44100)
        cover = container.add_stream("mjpeg", rate=25)
        cover.height, cover.width, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44100), np.float32), "fltp", "stereo")
        frame.rate = 44100
        container.mux(cover.encode(av.VideoFrame.from_ndarray(plain(90, (64, 64)), "bgr24")))
        container.mux(cover.encode(None))
        container.mux([*sound.encode(frame), *sound.encode(None)])
    with pytest.raises(SourceError, match=r"song\.mp3: no video stream, only a cover image"):
        source(tmp_path / "song.mp3").probe()


def test_the_main_image_is_read_and_not_its_thumbnail(tmp_path: Path) -> None:
    items = [image_item(plain(128, (64, 64))), image_item(plain(50, (96, 128)))]
    path = write_heif(tmp_path / "a.heic", items, primary=2, references=[(b"thmb", 1, [2])])
    frames = list(ImagesSource(str(path), ImagesOptions()).frames(Position()))
    assert [each.image.hw for each in frames] == [(96, 128)]
    assert read_image(path).shape == (96, 128, 3)
    assert abs(float(read_image(path).mean()) - 50) < 6


WHOLE = picture(0, (100, 120))
REFUSAL = r"IMG_1\.HEIC: .*its image is put together from parts.* convert it to JPEG"


def write_tiled(
    folder: Path, kind: bytes = b"grid", *transforms: bytes, in_idat: bool = False
) -> Path:
    """Store WHOLE in 2 x 2 tiles of 64 x 64, the last of them first, and add a thumbnail."""
    padded = np.pad(WHOLE, ((0, 28), (0, 8), (0, 0)), mode="edge")
    places = [(64, 64), (64, 0), (0, 64), (0, 0)]
    tiles = [image_item(padded[y : y + 64, x : x + 64], is_hidden=True) for y, x in places]
    properties = [size_property((100, 120)), *transforms]
    whole = Item(kind, grid_data(2, 2, (100, 120)), properties, is_in_idat=in_idat)
    items = [*tiles, whole, image_item(plain(128, (64, 64)))]
    references = [(b"dimg", 5, [4, 3, 2, 1]), (b"thmb", 6, [5])]
    return write_heif(folder / "IMG_1.HEIC", items, primary=5, references=references)


def by_images(path: Path) -> Pixels:
    frames = list(ImagesSource(str(path), ImagesOptions()).frames(Position()))
    assert len(frames) == 1
    return frames[0].image.bgr()


def by_file(path: Path) -> Pixels:
    """As `run` reads an image among videos."""
    frames = list(source(path).frames(Position()))
    assert len(frames) == 1
    return frames[0].image.bgr()


READERS = pytest.mark.parametrize("read", [by_images, by_file, read_image])


def is_alike(pixels: Pixels, wanted: Pixels) -> bool:
    if pixels.shape != wanted.shape:
        return False
    return float(np.abs(pixels.astype(int) - wanted).mean()) < 12


@READERS
@pytest.mark.parametrize("in_idat", [False, True])
def test_tiles_are_put_together(
    tmp_path: Path, in_idat: bool, read: Callable[[Path], Pixels]
) -> None:
    assert is_alike(read(write_tiled(tmp_path, in_idat=in_idat)), WHOLE)


@READERS
def test_an_image_in_tiles_is_turned_as_a_whole(
    tmp_path: Path, read: Callable[[Path], Pixels]
) -> None:
    path = write_tiled(tmp_path, b"grid", turn_property(3), mirror_property(1))
    assert is_alike(read(path), np.rot90(WHOLE, 3)[:, ::-1])


def test_the_probe_knows_the_whole_image(tmp_path: Path) -> None:
    path = write_tiled(tmp_path)
    assert ImagesSource(str(path), ImagesOptions()).probe() == SourceInfo((100, 120), 1)
    assert source(path).probe() == SourceInfo((100, 120), 1)


@READERS
@pytest.mark.parametrize(
    ("kind", "transforms"), [(b"iovl", ()), (b"iden", ()), (b"grid", (box(b"clap", bytes(32)),))]
)
def test_an_image_that_is_put_together_otherwise_is_refused(
    tmp_path: Path, kind: bytes, transforms: tuple[bytes, ...], read: Callable[[Path], Pixels]
) -> None:
    path = write_tiled(tmp_path, kind, *transforms)
    with pytest.raises((SourceError, ConfigError), match=REFUSAL):
        read(path)


@READERS
def test_an_image_with_a_damaged_tile_is_refused(
    tmp_path: Path, read: Callable[[Path], Pixels]
) -> None:
    path = write_tiled(tmp_path)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 4
    content[at : at + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises((SourceError, ConfigError), match=r"IMG_1\.HEIC: .*no decodable frames"):
        read(path)


def test_a_tiled_image_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    reader = ImagesSource(str(write_tiled(tmp_path)), ImagesOptions(max_pixels=64 * 64 * 2))
    with pytest.raises(SourceError, match="120x100 has more pixels than max_pixels, 8192"):
        list(reader.frames(Position()))


def test_damaged_boxes_are_refused_or_change_nothing(tmp_path: Path) -> None:
    path = write_tiled(tmp_path)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    end = content.index(b"mdat")
    for _ in range(300):
        broken = bytearray(content)
        broken[int(rng.integers(24, end))] = int(rng.integers(256))
        path.write_bytes(broken)
        with contextlib.suppress(SourceError):
            by_images(path)


@READERS
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_thumbnail_at_the_start_of_a_tiff_is_not_the_image(
    tmp_path: Path, order: str, read: Callable[[Path], Pixels]
) -> None:
    start = b"II*\0" if order == "<" else b"MM\0*"
    long = struct.pack(f"{order}HHII", 254, 4, 1, 1)  # NewSubfileType: a smaller version
    path = tmp_path / "scan.tif"
    path.write_bytes(start + struct.pack(f"{order}IH", 8, 1) + long + bytes(4))
    with pytest.raises((SourceError, ConfigError), match=r"scan\.tif: .*first .* thumbnail"):
        read(path)
