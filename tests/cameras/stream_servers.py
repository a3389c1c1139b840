"""Servers of RTMP and HLS on this machine, by Debian's ffmpeg: a clip at its rate, for ever."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from streamdet.chaos.held_port import LOOPBACK, bound_socket

PLAY = "ffmpeg -nostdin -loglevel error -re -stream_loop -1 -i {clip} -c copy"


def missing_ffmpeg() -> str | None:
    """Says what to install where this machine has no ffmpeg, None where it has."""
    return None if shutil.which("ffmpeg") else "no ffmpeg on this machine: apt-get install ffmpeg"


class RtmpServer:
    """Plays to one client after another."""

    def __init__(self, clip: Path) -> None:
        self._held = bound_socket(0)
        port = self._held.getsockname()[1]
        self.url = f"rtmp://{LOOPBACK}:{port}/live/camera"
        play = PLAY.format(clip=shlex.quote(str(clip)))
        self._command = f"while :; do {play} -f flv -listen 1 {self.url}; sleep 0.1; done"
        self.start()

    def start(self) -> None:
        """Starts the server, also again after `kill`."""
        self._process = _started(self._command)

    def kill(self) -> None:
        """Ends it as a power cut does."""
        _kill(self._process)

    def stop(self) -> None:
        """Ends it for good."""
        self.kill()
        self._held.close()


class HlsServer:
    """Pieces of a second in a folder, which a plain HTTP server gives away."""

    def __init__(self, clip: Path, folder: Path) -> None:
        self._folder = folder
        play = PLAY.format(clip=shlex.quote(str(clip)))
        options = "-f hls -hls_time 1 -hls_list_size 5 -hls_flags delete_segments+temp_file"
        self._command = f"exec {play} {options} {shlex.quote(str(folder / 'live.m3u8'))}"
        self._http: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()
        self.url = f"http://{LOOPBACK}:{self.port}/live.m3u8"

    def start(self) -> None:
        """Starts both, also again after `kill`."""
        self._process = _started(self._command)
        handler = partial(_Quiet, directory=str(self._folder))
        self._http = ThreadingHTTPServer((LOOPBACK, self.port), handler)
        self.port = self._http.server_port
        Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self) -> None:
        """Ends both; the pieces are gone, too."""
        _kill(self._process)
        assert self._http is not None
        self._http.shutdown()
        self._http.server_close()
        for path in self._folder.iterdir():
            path.unlink()

    stop = kill


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _started(command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", "-c", command], start_new_session=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
