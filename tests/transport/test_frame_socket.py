"""Frames from a worker to the process that started the run: once, in order, and waited for."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import ConfigError, TransportError
from streamdet.image import Pixels
from streamdet.messages import FrameMessage, encode
from streamdet.transport.frame_socket import FrameReceiver, FrameSender
from streamdet.transport.run_folder import FRAMES_SOCKET
from tests.sinks.frames import image, message


class Place:
    """A folder with a receiver in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: list[tuple[FrameMessage, Pixels | None]] = []
        self.may_take = threading.Event()
        self.may_take.set()
        self.is_over = threading.Event()
        receiver = FrameReceiver(folder, self.give, self.is_over.is_set)
        self.thread = threading.Thread(target=receiver.serve, daemon=True)
        self.thread.start()

    def give(self, message: FrameMessage, pixels: Pixels | None) -> None:
        assert self.may_take.wait(10)
        self.taken.append((message, pixels))

    def indices(self) -> list[int]:
        return [message.index for message, _ in self.taken]


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:  # tmp_path may be too long a path
        place = Place(Path(folder))
        yield place
        place.is_over.set()
        place.thread.join(5)
        assert not place.thread.is_alive()


def sender(place: Place) -> FrameSender:
    return FrameSender(place.folder, lambda: None)


def test_a_frame_comes_as_it_was_sent(place: Place) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    with_image, without = message(index=0), message(index=1)
    sending = sender(place)
    sending.send(with_image, pixels)
    sending.send(without, None)
    sending.close()
    (first, its_image), (second, no_image) = place.taken
    assert (encode(first), encode(second)) == (encode(with_image), encode(without))
    np.testing.assert_array_equal(its_image, pixels)
    assert no_image is None


def test_what_a_successor_sends_again_is_left_out(place: Place) -> None:
    first, second = sender(place), None
    for index in range(3):
        first.send(message(index=index), image().bgr())
    first.close()
    second = sender(place)
    for index in range(1, 5):
        second.send(message(index=index), image().bgr())
    second.send(message("other", 0), None)
    second.close()
    assert place.indices() == [0, 1, 2, 3, 4, 0]


def test_a_frame_cut_off_by_its_senders_death_is_not_taken(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as dying:
        dying.connect(str(place.folder / FRAMES_SOCKET))
        dying.sendall(b"\xff\x00\x00\x00\x30\x00\x40\x00half")
    successor = sender(place)
    successor.send(message(index=0), None)
    successor.close()
    assert place.indices() == [0]


def test_a_sender_waits_until_its_frame_is_taken_and_shows_that_it_lives(place: Place) -> None:
    waits: list[float] = []
    place.may_take.clear()
    threading.Timer(0.8, place.may_take.set).start()
    sending = FrameSender(place.folder, lambda: waits.append(time.monotonic()))
    started_s = time.monotonic()
    sending.send(message(index=0), None)
    sending.close()
    assert time.monotonic() - started_s > 0.7
    assert len(waits) >= 2


def test_a_sender_without_a_receiver_fails(place: Place, tmp_path: Path) -> None:
    sending = sender(place)
    sending.send(message(index=0), None)
    place.is_over.set()
    place.thread.join(5)
    with pytest.raises(TransportError, match="takes no frames"):
        sending.send(message(index=1), None)
    sending.close()
    with pytest.raises(TransportError, match="takes no frames"):
        FrameSender(tmp_path, lambda: None)


def test_a_folder_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with pytest.raises(ConfigError, match="no socket can be made"):
        FrameReceiver(deep, lambda message, pixels: None, lambda: True)
