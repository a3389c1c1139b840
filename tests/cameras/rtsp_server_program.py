"""An RTSP server of live test cameras, run by Debian's Python: it has gi and GstRtspServer.

    /usr/bin/python3 -m tests.cameras.rtsp_server_program '{"port": 0, "auth": "basic", "mounts":
        [{"path": "/cam", "codec": "h264", "width": 320, "height": 240, "fps": 15}]}'

The first line on stdout is JSON with the port and `started_ns` (time.monotonic_ns): frame n of a
camera is taken at started_ns + n / fps, watched or not. On stdin a line of JSON changes a mount
(`{"path": "/cam", "width": 640}`) and is answered by a line; the end of stdin ends the server.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

from tests.cameras.numbered_image import draw  # noqa: E402

LATE_NS = 1_000_000_000  # behind by more, as after a freeze: the frames in between are lost
X264 = "x264enc speed-preset=ultrafast threads=1 pass=quant quantizer=24 key-int-max={gop} "
X265 = "x265enc speed-preset=ultrafast key-int-max={gop} "
X265 += "option-string=open-gop=0:pools=1:frame-threads=1:qp=26:"
PIPELINES = {
    ("h264", 0): X264 + "tune=zerolatency bframes=0 ! rtph264pay config-interval=-1",
    ("h264", 1): X264 + "tune=0 bframes=2 b-adapt=false rc-lookahead=0 sync-lookahead=0"
    " ! video/x-h264,profile=main ! rtph264pay config-interval=-1",
    ("h265", 0): X265 + "bframes=0 tune=zerolatency ! rtph265pay config-interval=-1",
    ("h265", 1): X265 + "bframes=2:b-adapt=0:rc-lookahead=3 ! rtph265pay config-interval=-1",
    ("mjpeg", 0): "jpegenc quality=85 ! rtpjpegpay",
}
ELEMENTS = ("appsrc", "rtpbin", "x264enc", "x265enc", "jpegenc", "rtph264pay", "rtph265pay")
AUTH_METHODS = {
    "basic": GstRtsp.RTSPAuthMethod.BASIC,
    "digest": GstRtsp.RTSPAuthMethod.DIGEST,
}
STARTED_NS = time.monotonic_ns()


class Feed:
    """Gives one pipeline its frames, each at its time."""

    def __init__(self, mount: dict[str, Any], source: Any) -> None:
        self._mount = mount
        self._hw = (0, 0)
        self._number = self._current()
        self._first_pts: int | None = None
        source.connect("need-data", self._push)

    def _current(self) -> int:
        """Gives the number of the frame that is taken next."""
        return int((time.monotonic_ns() - STARTED_NS) * self._mount["fps"] // 10**9) + 1

    def _push(self, source: Any, _length: int) -> None:
        fps = self._mount["fps"]
        wait_ns = STARTED_NS + self._number * 10**9 // fps - time.monotonic_ns()
        if wait_ns < -LATE_NS:
            self._number = self._current()
        time.sleep(max(0, wait_ns) / 1e9)
        height, width = self._hw_of(source)
        image = draw(self._mount["camera"], self._number % 2**32, height, width)
        buffer = Gst.Buffer.new_wrapped(image)
        buffer.pts, buffer.duration = self._pts(source), Gst.SECOND // fps
        source.emit("push-buffer", buffer)
        self._number += 1

    def _hw_of(self, source: Any) -> tuple[int, int]:
        hw = self._mount["height"], self._mount["width"]
        if hw != self._hw:
            self._hw = hw
            caps = f"video/x-raw,format=I420,width={hw[1]},height={hw[0]}"
            caps += f",framerate={self._mount['fps']}/1"
            source.set_property("caps", Gst.Caps.from_string(caps))
        return hw

    def _pts(self, source: Any) -> int:
        taken = self._number * Gst.SECOND // self._mount["fps"]
        if self._first_pts is None:
            self._first_pts = source.get_clock().get_time() - source.get_base_time() - taken
        return int(self._first_pts + taken)


class Cameras:
    """The server and its mounts."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._server = GstRtspServer.RTSPServer(address="127.0.0.1", service=str(options["port"]))
        self._auth = GstRtspServer.RTSPAuth()
        self._auth.set_supported_methods(AUTH_METHODS[options["auth"]])
        self._auth.set_default_token(_token("anyone"))
        self._server.set_auth(self._auth)
        self._mounts = {mount["path"]: mount for mount in options["mounts"]}
        for mount in self._mounts.values():
            self._publish(mount)
        self._server.attach(None)
        self.port = self._server.get_bound_port()

    def _publish(self, mount: dict[str, Any]) -> None:
        user, password = mount.get("user"), mount.get("password")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_shared(True)
        pipeline = PIPELINES[mount["codec"], int(mount.get("b_frames", False))]
        pipeline = pipeline.format(gop=mount.get("keyframe_every") or mount["fps"])
        source = "appsrc name=frames is-live=true format=time"
        factory.set_launch(f"( {source} ! {pipeline} name=pay0 )")
        factory.connect("media-configure", self._feed, mount)
        factory.add_role_from_structure(_role(user or "anyone", construct=True))
        if user:
            factory.add_role_from_structure(_role("anyone", construct=False))
            basic = GstRtspServer.RTSPAuth.make_basic(user, password)
            self._auth.add_basic(basic, _token(user))
            self._auth.add_digest(user, password, _token(user))
        self._server.get_mount_points().add_factory(mount["path"], factory)

    def _feed(self, _factory: Any, media: Any, mount: dict[str, Any]) -> None:
        Feed(mount, media.get_element().get_by_name_recurse_up("frames"))

    def change(self, command: dict[str, Any]) -> bool:
        """Changes a mount; another codec, or `drop_clients`, hangs up on everybody."""
        mount = self._mounts[command["path"]]
        hang_up = command.pop("drop_clients", False) or mount["codec"] != command.get(
            "codec", mount["codec"]
        )
        mount.update(command)
        if hang_up:
            self._publish(mount)
            self._server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)
        print(json.dumps({"changed": mount["path"]}), flush=True)
        return False


def _token(role: str) -> Any:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", role)
    return token


def _role(name: str, *, construct: bool) -> Any:
    role = Gst.Structure.new_empty(name)
    role.set_value("media.factory.access", True)
    role.set_value("media.factory.construct", construct)
    return role


def main() -> None:
    """Serves until stdin ends; with `--check` only says which elements are missing."""
    Gst.init(None)
    missing = [element for element in ELEMENTS if not Gst.ElementFactory.find(element)]
    if missing or sys.argv[1] == "--check":
        sys.exit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
    cameras = Cameras(json.loads(sys.argv[1]))
    print(json.dumps({"port": cameras.port, "started_ns": STARTED_NS}), flush=True)
    loop = GLib.MainLoop()

    def obey() -> None:
        for line in sys.stdin:
            GLib.idle_add(cameras.change, json.loads(line))
        GLib.idle_add(loop.quit)

    threading.Thread(target=obey, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
