"""What is recorded of a stage holds no password of a camera."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cameras.rtsp_server import Mount, RtspServer
from tests.recorded_run import GRAPH, SCENE, record, running

CANARY = "canary-4711"


def test_no_address_of_a_camera_is_in_a_recording(
    tmp_path: Path, start_rtsp_server: Callable[..., RtspServer]
) -> None:
    server = start_rtsp_server([Mount("/locked", user="viewer", password=CANARY)])
    graph = tmp_path / "locked.yaml"
    camera = f"rtsp://viewer:{CANARY}@127.0.0.1:{server.port}/locked"
    text = GRAPH.replace("name: zoned", "name: locked")
    graph.write_text(text.replace(SCENE, camera))
    with running(str(graph), tmp_path / "run.jsonl"):
        bug = record(tmp_path, "locked", "detect", "--images", "--frames", "5")
    content = bug.read_bytes()
    assert CANARY.encode() not in content
    assert b"rtsp://" not in content
