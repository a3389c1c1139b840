"""Frames with their images from a run's last process to the process that started the run.

The receiver acknowledges each frame, and the sender commits it only then: if the sender is killed,
the next one sends again what was not committed. The receiver skips frames that come twice, by
source and index.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import numpy as np

from streamdet.errors import ConfigError, TransportError
from streamdet.image import Pixels
from streamdet.messages import FrameMessage, decode, encode
from streamdet.transport.run_folder import FRAMES_SOCKET

SEND_LIMIT_S: Final = 10.0
"""Longest time for the receiver to read a frame."""
POLL_S: Final = 0.25
"""Longest wait before the waiting side checks whether to give up."""
_HEAD: Final = struct.Struct("<IHH")
"""Bytes of the message, then height and width of the image (0 where there is none)."""
_ACK: Final = b"+"

Give = Callable[[FrameMessage, Pixels | None], None]


class FrameSender:
    """The side of the worker.

    Args:
        folder: the run's folder.
        on_wait: called at least every `POLL_S` while the receiver is busy.
    """

    def __init__(self, folder: Path, on_wait: Callable[[], None]) -> None:
        """Connect.

        Raises:
            TransportError: the receiver does not listen.
        """
        self._on_wait = on_wait
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(SEND_LIMIT_S)
        try:
            self._socket.connect(str(folder / FRAMES_SOCKET))
        except OSError as exc:
            self._socket.close()
            raise _gone(exc) from exc

    def send(self, message: FrameMessage, pixels: Pixels | None) -> None:
        """Send a frame, and wait until the receiver has taken it.

        Raises:
            TransportError: the receiver has ended.
        """
        payload = encode(message)
        hw = (0, 0) if pixels is None else pixels.shape[:2]
        try:
            self._socket.sendall(_HEAD.pack(len(payload), *hw) + payload)
            if pixels is not None:
                self._socket.sendall(np.ascontiguousarray(pixels).data.cast("B"))
            while not select.select([self._socket], [], [], POLL_S)[0]:
                self._on_wait()
            if self._socket.recv(1) != _ACK:
                raise ConnectionResetError("closed")
        except OSError as exc:
            raise _gone(exc) from exc

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class FrameReceiver:
    """The side of the process that started the run.

    Args:
        folder: the run's folder.
        give: called with each frame, exactly once and each source's in order; while it has not
            returned, the sender waits.
        is_over: asked now and then whether to stop.
    """

    def __init__(self, folder: Path, give: Give, is_over: Callable[[], bool]) -> None:
        """Listen.

        Raises:
            ConfigError: the folder's path is too long for a socket.
        """
        self._give = give
        self._is_over = is_over
        self._next_index: dict[str, int] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.settimeout(POLL_S)
        try:
            self._listener.bind(str(folder / FRAMES_SOCKET))
            self._listener.listen()
        except OSError as exc:
            self._listener.close()
            raise ConfigError(f"{folder}: no socket can be made in it: {exc}") from exc

    def serve(self) -> None:
        """Receive from one sender after another until `is_over`."""
        with self._listener:
            while not self._is_over():
                try:
                    sender, _ = self._listener.accept()
                except TimeoutError:
                    continue
                sender.settimeout(POLL_S)
                with closing(sender), suppress(OSError):  # the sender died: the next one connects
                    self._receive(sender)

    def _receive(self, sender: socket.socket) -> None:
        while not self._is_over():
            length, height, width = _HEAD.unpack(self._read(sender, _HEAD.size))
            message = decode(bytes(self._read(sender, length)))
            assert isinstance(message, FrameMessage)
            pixels = None
            if height:
                pixels = np.frombuffer(self._read(sender, height * width * 3), np.uint8)
                pixels = pixels.reshape(height, width, 3)
            if message.index >= self._next_index.get(message.source_id, 0):
                self._next_index[message.source_id] = message.index + 1
                self._give(message, pixels)
            sender.sendall(_ACK)

    def _read(self, sender: socket.socket, count: int) -> bytearray:
        """Read so many bytes.

        Raises:
            ConnectionResetError: the sender has ended, or the run is over.
        """
        data = bytearray(count)
        view = memoryview(data)
        while view:
            try:
                taken = sender.recv_into(view)
            except TimeoutError:
                taken = 0 if self._is_over() else -1
            if taken == 0:
                raise ConnectionResetError("closed")
            view = view[max(0, taken) :]
        return data


def _gone(exc: OSError) -> TransportError:
    return TransportError(f"the process that started the run takes no frames: {exc}")
