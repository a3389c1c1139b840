"""A server of live test cameras in a process of its own, that can be killed, frozen and changed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from streamdet.chaos.held_port import LOOPBACK, bound_socket
from streamdet.system.process import bound_to_parent

ROOT = Path(__file__).parent.parent.parent
DEBIAN_PYTHON = "/usr/bin/python3"
PROGRAM = ("-m", "tests.cameras.rtsp_server_program")
PACKAGES = ROOT / "tests" / "debian_packages.txt"  # `make test` installs them


@dataclass(frozen=True)
class Mount:
    """One camera: what it sends, at which path, to whom.

    Args:
        codec: h264, h265 or mjpeg; only the first two know `b_frames`.
        width: a multiple of 8.
        height: a multiple of 4.
        camera: 0 to 255, carried by every frame.
        keyframe_every: frames from one keyframe to the next, 0 for a second's.
        user: only this user, with `password`, may watch; None lets everybody.
    """

    path: str
    codec: str = "h264"
    width: int = 320
    height: int = 240
    fps: int = 15
    camera: int = 1
    b_frames: bool = False
    keyframe_every: int = 0
    user: str | None = None
    password: str | None = None

    def __post_init__(self) -> None:
        assert self.codec in ("h264", "h265") or (self.codec == "mjpeg" and not self.b_frames)
        assert self.width % 8 == 0 and self.height % 4 == 0
        assert 0 <= self.camera <= 255


CAMERAS = (
    Mount("/h264", "h264", camera=1, b_frames=True),
    Mount("/h265", "h265", camera=2),
    Mount("/mjpeg", "mjpeg", camera=3),
    Mount("/locked", "mjpeg", camera=4, user="viewer", password="p:w@1"),
)


def missing_packages(python: str = DEBIAN_PYTHON) -> str | None:
    """Says what to install where this machine cannot run the server, None where it can."""
    command = [python, *PROGRAM, "--check"]
    try:
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        packages = " ".join(PACKAGES.read_text().split())
        return f"no RTSP server for tests on this machine: apt-get install {packages}"
    return None


class RtspServer:
    """A server on a port that stays its own, so that it comes back at the same address.

    Args:
        mounts: its cameras.
        auth: how users log in, "digest" or "basic".
    """

    def __init__(self, mounts: Sequence[Mount] = CAMERAS, auth: str = "digest") -> None:
        self._mounts = {mount.path: mount for mount in mounts}
        self._auth = auth
        self._held = bound_socket(0)
        self.port: int = self._held.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Starts the server, also again after `kill`; the numbers of its frames start at 0."""
        mounts = [asdict(mount) for mount in self._mounts.values()]
        options = json.dumps({"port": self.port, "auth": self._auth, "mounts": mounts})
        self.process = subprocess.Popen(
            bound_to_parent([DEBIAN_PYTHON, *PROGRAM, options]),
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._started_ns: int = self._answer()["started_ns"]

    def url(self, path: str, user: str | None = None, password: str | None = None) -> str:
        """Gives the URL of a mount, as this user."""
        login = f"{quote(user, '')}:{quote(password or '', '')}@" if user is not None else ""
        return f"rtsp://{login}{LOOPBACK}:{self.port}{path}"

    def age_s(self, path: str, number: int) -> float:
        """Gives how long ago a camera took the frame of this number."""
        taken_ns: int = self._started_ns + number * 10**9 // self._mounts[path].fps
        return (time.monotonic_ns() - taken_ns) / 1e9

    def change(self, path: str, *, drop_clients: bool = False, **changes: Any) -> None:
        """Changes a mount, for those who watch it and for good.

        Args:
            path: the mount.
            drop_clients: hang up on every client of the server.
            changes: fields of Mount but path. Another size or camera reaches who watches it; any
                other change hangs up on every client of the server.
        """
        self._mounts[path] = replace(self._mounts[path], **changes)
        command = json.dumps({"path": path, "drop_clients": drop_clients, **changes})
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the test's RTSP server ended; its reason is on stderr"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def freeze(self) -> None:
        """Stops the process: connections stay, nothing moves."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Has it go on; it leaves out the frames of more than a second of freeze."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends the process as a power cut does; the kernel closes its connections."""
        self.process.kill()
        self._close()

    def stop(self) -> None:
        """Ends the server, frozen or not, and gives up its port."""
        self.kill()
        self._held.close()

    def _close(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
