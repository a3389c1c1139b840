"""Who may change a run, and that nobody else sees the passwords of the cameras that join it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from streamdet.errors import ConfigError, TransportError
from streamdet.run.control import find_run
from streamdet.transport.redis_bus import run_prefix
from streamdet.transport.requests import ask
from tests.cameras.changing_run import ChangingRun
from tests.cameras.test_secrets import CANARY, everything
from tests.redis_server import RedisServer

ENV = {"YARD_PASSWORD": "envcanary"}


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[ChangingRun]:
    """A run on a server that others use, too."""
    secrets = tmp_path_factory.mktemp("secrets")
    (secrets / "hall").write_text("filecanary\n")
    (secrets / "all.env").write_text("# of the cameras\nATTIC_PASSWORD='linecanary'\n")
    runs = tmp_path_factory.mktemp("r")
    page = (Path(__file__).parents[2] / "docs" / "machines.md").read_text()
    rules = re.findall(r"ACL SETUSER streamdet-run on >PASSWORD (.*)", page)[0].split()
    client: Any = redis_server.client()
    streams = ("~yard-frames", "~events")
    client.execute_command("ACL", "SETUSER", "runner", "reset", "on", ">pw", *rules, *streams)
    url = f"{redis_server.url}?username=runner&password=pw"
    made = ChangingRun(secrets, runs, "--redis", url, environ=ENV)
    yield made
    made.kill()


def test_passwords_of_added_cameras_are_seen_nowhere(
    run: ChangingRun, redis_server: RedisServer
) -> None:
    at = ("--redis", redis_server.url)
    secrets = run.folder
    addresses = {
        "plain": "rtsp://viewer:pwcanary@127.0.0.1:9/x",
        "query": "http://127.0.0.1:9/b.mjpg?user=usercanary&password=pwcanary",
        "env": "rtsp://viewer:${YARD_PASSWORD}@127.0.0.1:9/x",
        "file": f"rtsp://viewer:${{file:{secrets}/hall}}@127.0.0.1:9/x",
        "line": f"rtsp://viewer:${{file:{secrets}/all.env#ATTIC_PASSWORD}}@127.0.0.1:9/x",
    }
    client = redis_server.client()
    said = run.say("camera", "add", "plain", addresses.pop("plain"), *at)
    assert said == "plain: lost (nothing answers at that address and port)\n"
    for name, address in addresses.items():
        find_run(redis=redis_server.url).add(name, {"uri": address})
        run.wait_for_line(f"{name}: lost (nothing answers at that address and port)")
    assert "viewer:***@127.0.0.1:9" in run.say("camera", "list", *at)
    with pytest.raises(ConfigError) as caught:
        find_run(redis=redis_server.url).add("bad", {"uri": "rtps://u:wrongcanary@h/x"})
    listed = run.say("camera", "list", "--json", *at)
    told = [listed, run.say("status", "--json"), str(caught.value)]
    found = everything(client)
    assert b"viewer:***@127.0.0.1:9" not in found  # not even the address without it
    family = [psutil.Process(run.process.pid)]
    family += family[0].children(recursive=True)
    files = [Path(f"/proc/{each.pid}/{name}") for each in family for name in ("cmdline", "environ")]
    runs = Path(run.environ["TMPDIR"])
    files += [path for path in runs.rglob("*") if path.is_file()]
    logs = list(redis_server.folder.rglob("*.aof"))  # all that has ever been written to the server
    assert any(b"requests" in log.read_bytes() for log in logs)
    files += logs
    files += [run.folder / name for name in ("log", "frames.jsonl")]
    texts = [found, *(text.encode() for text in told), *(path.read_bytes() for path in files)]
    assert not any(CANARY.encode() in text for text in texts)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (("~streamdet:*", "+@all", "-xadd"), "its user may not run XADD: allow it"),
        (("%R~streamdet:*", "+@all"), "its user may not use all keys of a run"),
    ],
)
def test_who_has_no_right_is_refused_in_one_sentence(
    run: ChangingRun, redis_server: RedisServer, rules: tuple[str, ...], sentence: str
) -> None:
    client: Any = redis_server.client()
    client.execute_command("ACL", "SETUSER", "guest", "reset", "on", ">pw", *rules)
    url = f"{redis_server.url}?username=guest&password=pw"
    said = run.say("camera", "remove", "door", "--redis", url, code=2)
    assert said.count("\n") == 1
    assert said.startswith("error: redis: unix://")
    assert sentence in said
    cameras = find_run(redis=redis_server.url).cameras()
    assert [each.state for each in cameras if each.name == "door"] == ["live"]


def test_the_users_of_the_page_may_do_what_it_says(
    run: ChangingRun, redis_server: RedisServer
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text()
    users = dict(re.findall(r"^ACL SETUSER (\w+) on >PASSWORD (.*)$", page, re.MULTILINE))
    client: Any = redis_server.client()
    urls = {}
    for name, stated in users.items():
        rules = stated.replace("detections", "yard-frames").split()
        client.execute_command("ACL", "SETUSER", name, "reset", "on", ">pw", *rules)
        urls[name] = f"{redis_server.url}?username={name}&password=pw"
    control = find_run("yard", urls["porter"])
    control.pause("door", "for the porter")
    control.resume("door")
    seen = run.say("tail", "yard-frames", "--redis", urls["guest"], "--count", "1")
    assert "frame" in seen
    with pytest.raises(ConfigError, match="its user may not"):
        find_run("yard", urls["guest"]).pause("door")


def test_what_is_not_meant_for_the_run_is_passed_over(
    run: ChangingRun, redis_server: RedisServer
) -> None:
    control = find_run(redis=redis_server.url)
    requests = run_prefix(control.run.run_id) + "requests"
    for fields in ({"sealed": b"no box"}, {"other": b"x"}):
        redis_server.client().xadd(requests, fields)  # type: ignore[arg-type]
    for body in (b"", b"[]", b'{"op": "explode"}', b'{"op": "remove", "name": 1}'):
        answer = ask(redis_server.url, control.run.run_id, body, 20)
        assert b"the run does not know this request" in answer
    assert "door" in {each.name for each in control.cameras()}


def test_a_run_that_does_not_answer_has_a_limit(
    run: ChangingRun, redis_server: RedisServer
) -> None:
    run_id = find_run(redis=redis_server.url).run.run_id
    family = psutil.Process(run.process.pid)
    family.suspend()
    try:
        with pytest.raises(TransportError, match="not answered for 1 s; nothing was changed"):
            ask(redis_server.url, run_id, b'{"op": "remove", "name": "door"}', 1)
    finally:
        family.resume()
    assert "door" in {each.name for each in find_run(redis=redis_server.url).cameras()}


def test_without_a_run_there_is_one_sentence(run: ChangingRun, short_folder: Path) -> None:
    run.environ["TMPDIR"], before = str(short_folder), run.environ["TMPDIR"]
    try:
        said = run.say("camera", "list", code=2)
    finally:
        run.environ["TMPDIR"] = before
    assert said == "error: no run with cameras is under way on this machine\n"
