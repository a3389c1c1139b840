"""What FileSource promises, on videos that the tests make."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from fractions import Fraction
from io import FileIO
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from streamdet.errors import SourceError
from streamdet.sources import DecodedFrame, Position, SourceInfo
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.safe_open import reason
from tests.sources.made_video import damage, picture, turn, write_video

Seen = tuple[int, int | None, int, bytes]


def source(path: Path, **options: object) -> FileSource:
    return FileSource(str(path), FileOptions.model_validate(options))


def see(frame: DecodedFrame) -> Seen:
    return frame.position.index, frame.pts, frame.duration, frame.image.bgr().tobytes()


def resumes_equal(path: Path, behind: list[int], **options: object) -> bool:
    whole, positions = [], []
    for frame in source(path, **options).frames(Position()):
        whole.append(see(frame))
        positions.append(frame.position)
    return all(
        [see(frame) for frame in source(path, **options).frames(positions[at - 1])] == whole[at:]
        for at in behind
    )


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "v.mp4")


def test_frames_come_with_rising_positions_and_times(video: Path) -> None:
    frames = list(source(video).frames(Position()))
    assert [frame.position.index for frame in frames] == list(range(1, 121))
    assert [frame.pts * frame.time_base for frame in frames if frame.pts is not None] == [
        Fraction(number, 25) for number in range(120)
    ]
    assert all(frame.duration * frame.time_base == Fraction(1, 25) for frame in frames)
    assert abs(frames[0].captured_ns - time.time_ns()) < 60e9


def test_images_are_what_was_encoded(video: Path) -> None:
    for number, frame in enumerate(islice(source(video).frames(Position()), 3)):
        difference = frame.image.bgr()[8:40, 8:56].astype(int) - picture(number)[8:40, 8:56]
        assert np.abs(difference).mean() < 12


def test_probe_knows_size_and_count(video: Path) -> None:
    assert source(video).probe() == SourceInfo((48, 64), 120)
    assert source(video, every=7).probe().frame_count == 18
    assert source(video, fps=5).probe().frame_count == 24
    assert source(video, keyframes_only=True).probe().frame_count is None


@pytest.mark.parametrize(
    ("options", "numbers", "durations"),
    [
        ({"every": 50}, [0, 50, 100], [50, 50, 20]),
        ({"fps": 0.5}, [0, 50, 100], [50, 50, 20]),
        ({"keyframes_only": True}, [0, 30, 60, 90], [30] * 4),
    ],
)
def test_sampled_frames_last_until_the_next_one_or_the_end(
    video: Path, options: dict[str, object], numbers: list[int], durations: list[int]
) -> None:
    frames = list(source(video, **options).frames(Position()))
    assert [(frame.pts or 0) * frame.time_base * 25 for frame in frames] == numbers
    assert [frame.duration * frame.time_base * 25 for frame in frames] == durations


def test_the_position_counts_what_was_sampled_away_at_the_end(video: Path) -> None:
    reader = source(video, every=50)
    last = list(reader.frames(Position()))[-1].position
    assert (last.index, last.decoded) == (3, 101)
    assert (reader.position.index, reader.position.decoded) == (3, 120)
    assert list(source(video, every=50).frames(reader.position)) == []


@pytest.mark.parametrize(
    "options", [{}, {"every": 3}, {"fps": 10}, {"keyframes_only": True}, {"threads": 3}]
)
def test_it_goes_on_as_if_unbroken(video: Path, options: dict[str, object]) -> None:
    count = sum(1 for _ in source(video, **options).frames(Position()))
    assert resumes_equal(video, [1, count // 2, count - 1, count], **options)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("v.mkv", "libx264"), ("v.avi", "mpeg4"), ("v.ts", "libx264"), ("v.mp4", "libx265")],
)
def test_it_goes_on_in_every_container(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, codec=codec)
    assert resumes_equal(path, [20, 75, 119])


def test_going_on_in_an_indexed_file_seeks(video: Path) -> None:
    at = next(islice(source(video).frames(Position()), 100, None)).position
    passed: list[None] = []
    assert sum(1 for _ in source(video).frames(at, lambda: passed.append(None))) == 19
    assert not passed


def test_frames_that_are_decoded_again_are_told(video: Path) -> None:
    at = replace(next(islice(source(video).frames(Position()), 100, None)).position, pts=None)
    passed: list[None] = []
    assert sum(1 for _ in source(video).frames(at, lambda: passed.append(None))) == 19
    assert len(passed) == at.decoded


def test_a_position_that_the_file_does_not_have_is_not_sought(video: Path) -> None:
    at = Position(index=100, decoded=100, pts=7)
    assert sum(1 for _ in source(video).frames(at)) == 20


def test_damage_is_skipped_counted_and_reported(tmp_path: Path) -> None:
    path = damage(write_video(tmp_path / "v.mp4", 200), 0.5)
    reader = source(path)
    count = sum(1 for _ in reader.frames(Position()))
    assert 100 < count < 200
    assert reader.position.damaged > 0
    assert "damaged packet" in reader.warnings[0] and str(path) in reader.warnings[0]
    assert resumes_equal(path, [50, count - 20])


def test_a_cut_file_gives_its_frames_and_a_warning(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", 200)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    reader = source(path)
    assert 60 < sum(1 for _ in reader.frames(Position())) < 140
    assert any("cut off" in warning for warning in reader.warnings)


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "libx264"), ("v.avi", "mpeg4")])
def test_a_file_that_is_damaged_inside_is_not_called_cut_off(
    tmp_path: Path, name: str, codec: str
) -> None:
    reader = source(damage(write_video(tmp_path / name, 200, codec=codec), 0.3, 4000))
    assert 60 < sum(1 for _ in reader.frames(Position())) < 140
    assert reader.warnings and not any("cut off:" in warning for warning in reader.warnings)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (av.PatchWelcomeError(1, "x, patches welcome"), "FFmpeg does not know this variant"),
        (av.EOFError(1, "x"), "it ends too early"),
        (MemoryError("x"), "there is not enough memory"),
        (OSError(5, "x"), "the disk cannot be read"),
        (IndexError("x"), "its data is invalid"),
        (av.FFmpegError(16, "device or resource busy"), "its data is invalid"),
    ],
)
def test_why_ffmpeg_failed_is_told_in_our_words(error: Exception, words: str) -> None:
    assert reason(error).startswith(words)


def test_a_disk_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100_000:
                raise OSError(5, "Input/output error")
            return super().read(size) or b""

    path = write_video(
        tmp_path / "v.mkv", 60, hw=(480, 640), codec="mjpeg", pixel_format="yuvj420p", bframes=0
    )
    monkeypatch.setattr(os, "fdopen", lambda descriptor, *_, **options: Broken(descriptor))
    reader = source(path)
    assert 0 < sum(1 for _ in reader.frames(Position())) < 50
    assert "reading ended early (the disk cannot be read)" in reader.warnings[0]


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv444p", "yuv420p10le", "gray", "gray10le", "yuvj420p"]
)
def test_pixel_formats(tmp_path: Path, pixel_format: str) -> None:
    path = write_video(tmp_path / "v.mkv", 3, pixel_format=pixel_format)
    assert [f.image.bgr().shape for f in source(path).frames(Position())] == [(48, 64, 3)] * 3


def test_palette_images(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.gif", 3, codec="gif", pixel_format="rgb8", bframes=0)
    assert [f.image.bgr().shape for f in source(path).frames(Position())] == [(48, 64, 3)] * 3


def test_odd_sizes(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", 2, hw=(35, 53), pixel_format="yuv444p")
    assert source(path).probe().hw == (35, 53)
    assert next(source(path).frames(Position())).image.bgr().shape == (35, 53, 3)


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    ],
    ids=["right", "left", "upside down", "transposed", "mirrored"],
)
def test_images_are_upright(tmp_path: Path, matrix: tuple[int, int, int, int], upright) -> None:  # type: ignore[no-untyped-def]
    path = write_video(tmp_path / "v.mp4", 2)
    lying = next(source(path).frames(Position())).image.bgr()
    image = next(source(turn(path, matrix)).frames(Position())).image
    assert np.array_equal(image.bgr(), upright(lying))
    assert image.hw == image.bgr().shape[:2] == source(path).probe().hw


def test_an_image_is_resized_from_the_decoders_memory(tmp_path: Path) -> None:
    image = next(
        source(turn(write_video(tmp_path / "v.mp4", 2), (0, 1, -1, 0))).frames(Position())
    ).image
    out = np.zeros((40, 20, 3), np.uint8)
    image.resize_into(out[4:36, 2:14])
    full = image.bgr()
    assert not out[:4].any() and not out[:, :2].any()
    assert np.abs(out[4:36, 2:14].mean(axis=(0, 1)) - full.mean(axis=(0, 1))).max() < 8


def test_full_size_resizing_is_the_conversion(video: Path) -> None:
    image = next(source(video).frames(Position())).image
    out = np.zeros((48, 64, 3), np.uint8)
    image.resize_into(out)
    assert np.array_equal(out, image.bgr())
    assert image.bgr() is image.bgr() and not image.bgr().flags.writeable


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(SourceError) as caught:
        source(path, **options).probe()
    with pytest.raises(SourceError):
        list(source(path, **options).frames(Position()))
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


def test_images_beyond_the_limit_are_refused_in_words(video: Path) -> None:
    assert "64x48" in refusal(video, max_pixels=1000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n", "a playlist"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "text"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "text"),
        ("<?xml version='1.0'?><MPD>ü</MPD>".encode(), "text"),
        (("ü" * 5000).encode()[1:], "unsupported or corrupt"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n\x01", "unsupported or corrupt"),
        (bytes(100_000), "unsupported or corrupt"),
    ],
)
def test_what_is_not_video_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    message = refusal(path)
    assert "unsupported or corrupt" in message and words in message


def test_a_playlist_of_real_videos_is_not_followed(video: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.ffconcat"
    listing.write_bytes(f"ffconcat version 1.0\nfile '{video}'\n".encode() + b"#\x02")
    assert "unsupported or corrupt" in refusal(listing)


def test_pipes_folders_and_missing_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a plain file" in refusal(tmp_path / "pipe")
    assert "not a plain file" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "missing.mp4").lower()


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    assert "no video stream" in refusal(tmp_path / "a.wav")


def test_no_file_stays_open(video: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(bytes(5000))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        refusal(tmp_path / "bad.mp4")
        frames = source(video).frames(Position())
        next(frames)
        frames.close()  # type: ignore[attr-defined]
    assert len(list(Path("/proc/self/fd").iterdir())) == before
