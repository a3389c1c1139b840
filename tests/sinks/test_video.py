from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamdet.errors import EngineError
from streamdet.image import ArrayImage, Image, Pixels
from streamdet.messages import FrameMessage
from streamdet.sinks.drawing import track_color
from streamdet.sinks.video import VideoOptions, VideoSink
from tests.sinks.frames import HW, context, frame, message, one
from tests.sinks.frames import image as grey


def bgr(shown: av.VideoFrame) -> Pixels:
    return shown.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


class Film:
    """A video sink of one source, and what its file shows."""

    def __init__(self, path: Path, states: dict[str, bytes] | None = None) -> None:
        self.path = path
        self.sink = VideoSink(VideoOptions(path=path), context("cam"))
        self.sink.restore(states or {})

    def add(self, messages: Sequence[FrameMessage], images: Sequence[Image | None]) -> None:
        self.sink.write(messages, images)
        self.states = self.sink.states()
        self.sink.committed()

    def frames(self) -> list[av.VideoFrame]:
        self.sink.close()
        with av.open(str(self.path), "r") as container:
            return list(container.decode(video=0))

    def images(self) -> list[Pixels]:
        return [bgr(shown) for shown in self.frames()]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return Film(tmp_path / "o.mp4")


def plain(index: int = 0, **changes: object) -> FrameMessage:
    """A frame without objects."""
    return FrameMessage(replace(frame(index=index), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pts", "shown"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([40, 41, 45], [0, 1, 5]),
        ([-2, 0, 1], [0, 2, 3]),
        ([None, None, None], [0, 1, 2]),
        ([0, None, 5], [0, 1, 5]),
        ([0, 0, 0], [0, 1, 2]),
        ([1, 4, 3, 5, 2, 8], [0, 3, 4, 5, 6, 7]),
    ],
)
def test_times_are_the_sources_and_always_rise(
    film: Film, pts: list[int | None], shown: list[int]
) -> None:
    film.add([plain(i, pts=each) for i, each in enumerate(pts)], [grey()] * len(pts))
    frames = film.frames()
    assert [each.pts for each in frames] == shown
    assert frames[0].time_base == Fraction(1, 10)


def test_the_average_rate_is_the_sources(film: Film) -> None:
    ntsc = {"time_base": Fraction(1001, 30000), "duration": 1}
    film.add([plain(i, pts=i, **ntsc) for i in range(30)], [grey()] * 30)
    film.sink.close()
    with av.open(str(film.path), "r") as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


@pytest.mark.parametrize(
    "time_base", [Fraction(1, 10**9), Fraction(2**50, 3 * 2**50 + 1), Fraction(3600)]
)
def test_any_time_base_comes_out_as_the_same_seconds(film: Film, time_base: Fraction) -> None:
    second = round(1 / time_base) or 1
    made = [plain(i, pts=7 + 100 * second * i, time_base=time_base, duration=100 * second)
            for i in range(3)]  # fmt: skip
    film.add(made, [grey()] * 3)
    assert [each.time for each in film.frames()] == pytest.approx(
        [float(100 * second * i * time_base) for i in range(3)], abs=1e-5
    )


def test_a_duration_beyond_32_bits_is_cut(film: Film) -> None:
    film.add([plain(duration=2**40), plain(1, pts=3)], [grey()] * 2)
    assert [each.pts for each in film.frames()] == [0, 3]


def test_a_time_base_that_changes_is_converted(film: Film) -> None:
    milliseconds = plain(1, pts=700, time_base=Fraction(1, 1000), duration=100)
    film.add([plain(0, pts=0), milliseconds], [grey()] * 2)
    assert [each.pts for each in film.frames()] == [0, 7]


@pytest.mark.parametrize("hw", [(47, 63), (48, 63), (1, 1), (121, 160)])
def test_odd_sizes_are_filled_up_by_the_last_row_and_column(
    film: Film, hw: tuple[int, int]
) -> None:
    film.add([plain()], [grey(200, hw)])
    (shown,) = film.images()
    assert shown.shape[:2] == (hw[0] + hw[0] % 2, hw[1] + hw[1] % 2)
    assert shown.min() > 190


def test_another_size_is_fitted_into_the_first_with_black_bars(film: Film) -> None:
    film.add([plain(0), plain(1)], [grey(200), grey(200, (96, 64))])
    shown = film.images()[1]
    assert shown.shape == (*HW, 3)
    assert shown[:, :14].max() < 20
    assert shown[:, 18:46].min() > 180


def test_boxes_follow_a_fitted_image(film: Film) -> None:
    found = one([200, 400, 800, 800], track_id=1)
    doubled = replace(message(index=1), detections=found)
    film.add([plain(0), doubled], [grey(0, (480, 640)), grey(0, (960, 1280))])
    shown = film.images()[1]
    rows, columns = np.nonzero((np.abs(shown.astype(int) - track_color(1)) < 60).all(axis=2))
    assert (rows.max(), columns.min(), columns.max()) == pytest.approx((399, 100, 399), abs=2)


def test_the_image_given_is_not_drawn_on(film: Film) -> None:
    image = grey(90)
    film.add([message()], [image])
    assert (image.bgr() == 90).all()
    assert (film.images()[0] > 140).any()


def test_a_dropped_frame_shows_the_last_image_and_its_reason(film: Film) -> None:
    dropped = replace(plain(1), drop_reason="pixels lost")
    film.add([plain(0), dropped, plain(2)], [grey(90), None, grey(90)])
    first, second, third = film.images()
    assert np.abs(second[:24].astype(int) - first[:24]).max() < 8
    assert second[36:].std() > 20
    assert np.abs(third.astype(int) - first).max() < 12


def test_a_frame_without_an_image_shows_its_boxes_over_the_last_one_and_says_so(
    film: Film,
) -> None:
    boxes = [one([20, 30, 120, 130], track_id=1), one([160, 30, 260, 130], track_id=1)]
    messages = [replace(message(index=i), detections=box) for i, box in enumerate(boxes)]
    messages = [replace(m, frame=replace(m.frame, hw=(240, 320))) for m in messages]
    film.add(messages, [grey(90, (240, 320)), None])
    second = film.images()[1]
    box_columns = np.flatnonzero((np.abs(second[80].astype(int) - track_color(1)) < 60).all(axis=1))
    assert box_columns.tolist() == [160, 161, 258, 259]
    assert second[50:120, 20:150].std() < 8
    assert second[228:].std() > 20


def test_a_film_may_start_with_a_frame_that_has_boxes_and_no_image(film: Film) -> None:
    film.add([message()], [None])
    (shown,) = film.images()
    assert shown.shape == (*HW, 3)
    assert (shown > 60).any()


def test_a_film_may_start_with_dropped_frames_even_of_unknown_size(film: Film) -> None:
    film.add([replace(plain(hw=(0, 0)), drop_reason="undecodable")], [None])
    (shown,) = film.images()
    assert shown.shape == (360, 640, 3)
    assert shown[:300].max() < 20


def test_trails_are_the_same_after_a_crash(film: Film) -> None:
    boxes = [one([40 * i, 100, 40 * i + 30, 200], track_id=1) for i in range(6)]
    messages = [replace(message(index=i), detections=box) for i, box in enumerate(boxes)]
    images = [grey(0, (240, 320))] * 6
    film.add(messages[:5], images[:5])
    film.sink.close()
    restored = Film(film.path, film.states)
    restored.add(messages[5:], images[5:])
    shown = restored.images()[-1]
    assert (shown[199:202, 15:200].max(axis=(0, 2)) > 60).all()


def test_fragments_are_numbered_on_after_a_crash(film: Film) -> None:
    film.add([plain(0), plain(1)], [grey()] * 2)
    film.sink.close()
    restored = Film(film.path, film.states)
    restored.add([plain(2)], [grey()])
    restored.sink.close()
    headers = film.path.read_bytes().split(b"mfhd")[1:]
    assert [int.from_bytes(each[4:8], "big") for each in headers] == [1, 2, 3]


def test_a_header_that_another_encoder_wrote_is_refused(film: Film) -> None:
    film.add([plain()], [grey()])
    film.add([plain(1)], [grey()])  # the state of the first batch brings the header with it
    film.sink.close()
    data = film.path.read_bytes()
    film.path.write_bytes(data[:100] + b"?" + data[101:])
    again = Film(film.path, film.states)
    with pytest.raises(EngineError, match=r"cannot go on with .*o\.mp4: its header"):
        again.add([plain(2)], [grey()])


@pytest.mark.data
def test_a_real_video_comes_out_frame_by_frame_after_many_crashes(film: Film, data: Path) -> None:
    states: dict[str, bytes] = {}
    with av.open(str(data / "videos" / "pets09-s2l1.avi"), "r") as container:
        for i, decoded in enumerate(container.decode(video=0)):
            if i % 40 == 39:
                film.sink.close()
                with film.path.open("ab") as file:
                    file.write(bytes(i))
                film = Film(film.path, states)
            film.add([message(index=i)], [ArrayImage(bgr(decoded))])
            states |= film.states
    frames = film.frames()
    assert [each.pts for each in frames] == list(range(795))


def test_a_source_that_comes_later_and_again_goes_on_in_a_file_of_its_own(tmp_path: Path) -> None:
    film = Film(tmp_path / "o.mp4")
    for index in range(2):
        film.sink.write([message("yard", index)], [None])
        film.sink.finish("yard")
        film.sink.states()
        film.sink.committed()
    film.sink.close()
    with av.open(str(tmp_path / "o-yard.mp4"), "r") as container:
        assert len(list(container.decode(video=0))) == 2
    assert not (tmp_path / "o.mp4").exists()
