"""Cameras come, go and pause by HTTP; what may not come that way is refused."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cameras.rtsp_server import RtspServer
from tests.server.served import LIMIT_S, Served, served

VIEWER, OPERATOR = "viewer-token", "operator-token"
TOKENS = {"STREAMDET_VIEWER_TOKEN": VIEWER, "STREAMDET_OPERATOR_TOKEN": OPERATOR}


@pytest.fixture(scope="module")
def run(cameras: RtspServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("changes")
    with served(folder, "--source", cameras.url("/door"), environ=TOKENS) as running:
        wait_for_state(running, door(cameras), "live")
        yield running
        assert running.stop() == 130


def door(cameras: RtspServer) -> str:
    """The name that --source gives a camera."""
    return f"127.0.0.1-{cameras.port}_door"


def ask(run: Served, method: str, path: str, body: Any = None, token: str = OPERATOR) -> Any:
    """Send a request; returns its code and what its body says."""
    request = urllib.request.Request(
        f"{run.url}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            code, text = answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            code, text = refusal.code, refusal.read()
    return code, json.loads(text) if text else None


def states(run: Served) -> dict[str, str]:
    code, cameras = ask(run, "GET", "/cameras", token=VIEWER)
    assert code == 200
    return {each["source_id"]: each["camera"]["state"] for each in cameras if each["camera"]}


def wait_for_state(run: Served, name: str, state: str) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while states(run).get(name) != state:
        assert time.monotonic() < deadline_s, (states(run), run.log)
        time.sleep(0.1)


def test_a_metadata_service_or_a_link_local_address_is_no_camera(run: Served) -> None:
    for host in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.0.9]", "100.100.100.200"):
        code, said = ask(run, "PUT", "/cameras/cloud", {"uri": f"http://{host}/latest/meta-data"})
        assert (code, "is not called" in said["detail"]) == (400, True), said
    assert "cloud" not in states(run)


@pytest.mark.nightly
def test_where_others_can_ask_this_machine_is_no_camera(
    cameras: RtspServer, tmp_path: Path
) -> None:
    listen = ("--listen", "127.0.0.2:0", "--source", cameras.url("/door"))
    with served(tmp_path, *listen, environ=TOKENS) as running:
        wait_for_state(running, door(cameras), "live")
        code, said = ask(running, "PUT", "/cameras/own", {"uri": cameras.url("/door")})
        assert (code, "is not called" in said["detail"]) == (400, True), said
        name = cameras.url("/door").replace("127.0.0.1", "localhost")
        assert ask(running, "PUT", "/cameras/named", {"uri": name})[0] == 201
        wait_for_state(running, "named", "refused")
        assert running.stop() == 130


def test_a_camera_comes_pauses_and_goes(run: Served, cameras: RtspServer) -> None:
    uri = cameras.url("/yard", "viewer", "canary-4711")
    assert ask(run, "PUT", "/cameras/yard", {"uri": uri, "options": {"fps": 5}})[0] == 201
    wait_for_state(run, "yard", "live")
    assert ask(run, "PUT", "/cameras/yard", {"uri": uri})[0] == 400
    assert ask(run, "POST", "/cameras/yard/pause")[0] == 204
    wait_for_state(run, "yard", "paused")
    assert ask(run, "POST", "/cameras/yard/resume")[0] == 204
    wait_for_state(run, "yard", "live")
    code, removed = ask(run, "DELETE", "/cameras/yard")
    assert code == 200
    assert removed["emitted"] == removed["published"] + ask_dropped(run, "yard")
    wait_for_state(run, "yard", "removed")
    reasons = {
        each["source_id"]: each["camera"]["reason"] for each in ask(run, "GET", "/cameras")[1]
    }
    assert reasons["yard"] == "by an operator"
    assert states(run)[door(cameras)] == "live"
    for path in ("/run", "/events?limit=500", "/detections?limit=10"):
        assert "canary-4711" not in json.dumps(ask(run, "GET", path)[1])
    assert "canary-4711" not in run.log


def ask_dropped(run: Served, name: str) -> int:
    """How many frames of a camera were dropped; read after it was removed."""
    time.sleep(2.5)  # the status is of the last second
    (camera,) = (each for each in ask(run, "GET", "/cameras")[1] if each["source_id"] == name)
    return sum(camera["dropped"].values())


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "file:///etc/passwd?live=1",
        "file:clip.mp4?live=1",
        "0",
        "/dev/video0",
        "rtsp://127.0.0.1/${HOME}",
        "rtsp://127.0.0.1/${file:/etc/passwd}",
        "concat:a|b",
        "",
    ],
)
def test_what_is_no_address_in_the_network_is_refused(run: Served, uri: str) -> None:
    code, said = ask(run, "PUT", "/cameras/other", {"uri": uri})
    assert code == 400, said
    assert "other" not in states(run)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"uri": "rtsp://127.0.0.1:9/x", "options": {"fps": "${HOME}"}}, 400),
        ({"uri": "rtsp://127.0.0.1:9/x", "options": {"colour": "red"}}, 400),
        ({"uri": "rtsp://127.0.0.1:9/x", "node": "detect"}, 400),
        ({"uri": "rtsp://"}, 400),
        ({}, 422),
        ({"uri": 3}, 422),
    ],
)
def test_wrong_options_are_refused(run: Served, body: Any, code: int) -> None:
    assert ask(run, "PUT", "/cameras/other", body)[0] == code


@pytest.mark.parametrize("name", ["..%2fx", "a%0ab", "%3Cb%3E", "n" * 101, "%00"])
def test_a_name_that_cannot_be_shown_everywhere_is_refused(run: Served, name: str) -> None:
    code, _ = ask(run, "PUT", f"/cameras/{name}", {"uri": "rtsp://127.0.0.1:9/x"})
    assert code in (400, 404, 422)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/cameras/x"),
        ("DELETE", "/cameras/DOOR"),
        ("POST", "/cameras/DOOR/pause"),
        ("POST", "/changes"),
        ("GET", "/changes"),
    ],
)
def test_a_viewer_changes_nothing(run: Served, cameras: RtspServer, method: str, path: str) -> None:
    body = {"uri": "rtsp://127.0.0.1:9/x"} if method == "PUT" else None
    path = path.replace("DOOR", door(cameras))
    assert ask(run, method, path, body, token=VIEWER)[0] == 403
    assert states(run)[door(cameras)] == "live"


@pytest.mark.parametrize("scheme", ["rtsp", "rtmps", "srt"])
def test_every_scheme_of_the_network_may_come_by_http(run: Served, scheme: str) -> None:
    body = {"uri": f"{scheme}://127.0.0.1:9/x", "options": {"colour": "red"}}
    code, said = ask(run, "PUT", "/cameras/other", body)
    assert (code, "colour" in said["detail"]) == (400, True), said


def test_a_camera_that_is_not_there_is_named(run: Served) -> None:
    code, said = ask(run, "DELETE", "/cameras/nobody")
    assert code == 400
    assert "nobody" in said["detail"]


def test_an_unchanged_graph_has_an_empty_plan(run: Served) -> None:
    code, plan = ask(run, "GET", "/changes")
    assert code == 200, plan
    assert {step["action"] for step in plan["steps"]} == {"kept"}
