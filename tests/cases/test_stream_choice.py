"""Of a file's streams the video is read: no cover, no thumbnail, no tile of a larger image."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from streamdet.errors import ConfigError, SourceError
from streamdet.evaluation.image_file import read_image
from streamdet.sources import Position, Source
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.images import ImagesOptions, ImagesSource
from tests.sources.made_heif import Item, grid_data, image_item, plain, size_property, write_heif

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


THUMBNAIL = plain(128, (64, 64))


def test_the_main_image_is_read_and_not_its_thumbnail(tmp_path: Path) -> None:
    items = [image_item(THUMBNAIL), image_item(plain(50, (96, 128)))]
    path = write_heif(tmp_path / "a.heic", items, primary=2, references=[(b"thmb", 1, [2])])
    frames = list(ImagesSource(str(path), ImagesOptions()).frames(Position()))
    assert [each.image.hw for each in frames] == [(96, 128)]
    assert read_image(path).shape == (96, 128, 3)
    assert abs(float(read_image(path).mean()) - 50) < 6


@pytest.fixture
def tiled(tmp_path: Path) -> Path:
    """An image of 120 x 100 in 2 x 2 tiles of 64 x 64, and its thumbnail."""
    tiles = [image_item(plain(60 * n, (64, 64)), is_hidden=True) for n in range(4)]
    grid = Item(b"grid", grid_data(2, 2, (100, 120)), [size_property((100, 120))])
    items = [*tiles, grid, image_item(THUMBNAIL)]
    references = [(b"dimg", 5, [1, 2, 3, 4]), (b"thmb", 6, [5])]
    return write_heif(tmp_path / "IMG_1.HEIC", items, primary=5, references=references)


REFUSAL = r"IMG_1\.HEIC: .*its image is put together from parts.* convert it to JPEG"


@pytest.mark.parametrize("is_among_videos", [False, True])
def test_a_tile_or_a_thumbnail_is_never_taken_for_the_image(
    tiled: Path, is_among_videos: bool
) -> None:
    images = ImagesSource(str(tiled), ImagesOptions())
    reader: Source = source(tiled) if is_among_videos else images
    with pytest.raises(SourceError, match=REFUSAL):
        list(reader.frames(Position()))
    with pytest.raises(SourceError, match=REFUSAL):
        reader.probe()


def test_a_tiled_image_of_a_data_set_is_refused_by_name(tiled: Path) -> None:
    with pytest.raises(ConfigError, match=REFUSAL):
        read_image(tiled)
