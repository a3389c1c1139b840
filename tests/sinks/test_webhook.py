"""Events posted to a real server: signed, in order, at least once, whatever the server does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamdet.errors import ConfigError
from streamdet.formats.event_json import check_event
from streamdet.sinks import SinkContext
from streamdet.sinks.webhook import WebhookOptions, WebhookSink
from tests.sinks.frames import context, message
from tests.sinks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


class Rig:
    """Plays the worker: keeps what is committed, and may die."""

    def __init__(self, url: str, folder: Path, *, run_id: str = "run-1", **options: Any) -> None:
        values = {"url": url, "allow_private": True, "end_wait_s": 5} | options
        self.options = WebhookOptions.model_validate(values)
        self.warnings: list[str] = []
        self.context: SinkContext = replace(
            context("cam"),
            run_id=run_id,
            folder=folder,
            node="hook",
            warn=self.warnings.append,
        )
        self.states: dict[str, bytes] = {}
        self.start()

    def start(self) -> None:
        self.sink = WebhookSink(self.options, self.context)
        self.sink.restore(dict(self.states))

    def write(self, *indices: int, count: int = 1) -> None:
        self.sink.write([message(index=i, count=count) for i in indices], [None] * len(indices))
        self.states |= self.sink.states()
        self.sink.committed()

    def close(self) -> None:
        self.sink.close()


def frame_ids(receiver: Receiver) -> list[int]:
    return [body["frame_id"] for body in receiver.bodies]


def test_events_come_as_json_in_order_and_each_once(receiver: Receiver, tmp_path: Path) -> None:
    rig = Rig(receiver.url, tmp_path)
    for index in range(5):
        rig.write(index, count=2)
    rig.close()
    came = [(body["frame_id"], body["track"]) for body in receiver.bodies]
    assert came == [(index, track) for index in range(5) for track in (1, 2)]
    assert all(check_event(raw) for raw in receiver.raw)
    assert rig.warnings == []


def test_a_request_is_signed_as_standard_webhooks_asks_for(
    receiver: Receiver, tmp_path: Path
) -> None:
    rig = Rig(receiver.url, tmp_path, secret="whsec_" + base64.b64encode(b"key").decode())
    rig.write(0)
    rig.close()
    (headers,), (raw,) = receiver.headers, receiver.raw
    id_, at = headers["webhook-id"], headers["webhook-timestamp"]
    assert id_ == headers["Idempotency-Key"] == receiver.bodies[0]["id"]
    assert abs(int(at) - time.time()) < 60
    digest = hmac.new(b"key", f"{id_}.{at}.".encode() + raw, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_without_a_secret_nothing_is_signed(receiver: Receiver, tmp_path: Path) -> None:
    rig = Rig(receiver.url, tmp_path)
    rig.write(0)
    rig.close()
    assert "webhook-signature" not in receiver.headers[0]


def test_a_receiver_that_was_down_gets_everything_in_order(tmp_path: Path) -> None:
    with receiving() as gone:
        port = gone.port
    rig = Rig(f"http://127.0.0.1:{port}/", tmp_path)
    started_s = time.monotonic()
    rig.write(*range(20))
    assert time.monotonic() - started_s < 1  # nobody waits for the receiver
    time.sleep(1.2)
    with receiving(port) as back:
        back.wait_for(20)
        assert frame_ids(back) == [*range(20)]
        rig.close()


@pytest.mark.parametrize("status", [500, 503, 429, 404, 401])
def test_an_event_that_was_not_taken_is_posted_again_before_the_next(
    receiver: Receiver, tmp_path: Path, status: int
) -> None:
    receiver.status = status
    rig = Rig(receiver.url, tmp_path)
    rig.write(0, 1, 2)
    deadline_s = time.monotonic() + 10
    while receiver.asked < 2:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    receiver.status = 200
    receiver.wait_for(3)
    assert frame_ids(receiver) == [0, 1, 2]
    rig.close()


def test_an_event_that_a_receiver_calls_bad_is_given_up_and_said(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.status = 422
    rig = Rig(receiver.url, tmp_path)
    rig.write(0)
    rig.close()
    assert receiver.asked == 1
    assert rig.warnings == [
        "webhook 127.0.0.1 refuses an event, which is given up: HTTP 422",
    ]


def test_a_slow_receiver_holds_up_nobody(receiver: Receiver, tmp_path: Path) -> None:
    receiver.delay_s = 0.5
    rig = Rig(receiver.url, tmp_path, timeout_s=5)
    started_s = time.monotonic()
    for index in range(4):
        rig.write(index)
    assert time.monotonic() - started_s < 0.4
    rig.close()
    assert frame_ids(receiver) == [0, 1, 2, 3]


def test_one_that_never_answers_is_given_up_on_in_time(receiver: Receiver, tmp_path: Path) -> None:
    receiver.delay_s = 1.5
    rig = Rig(receiver.url, tmp_path, timeout_s=0.2, end_wait_s=0.5)
    rig.write(0)
    rig.close()
    assert rig.warnings == [
        "hook: 1 events were not delivered and are lost: state `queue` to keep them"
    ]


def test_a_redirect_is_not_followed(receiver: Receiver, tmp_path: Path) -> None:
    with receiving() as other:
        receiver.status, receiver.location = 307, other.url
        rig = Rig(receiver.url, tmp_path, end_wait_s=1)
        rig.write(0)
        rig.close()
        assert (other.asked, receiver.asked > 0) == (0, True)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "10.1.2.3", "100.64.0.1", "169.254.169.254", "0.0.0.0"),
        *("[::1]", "[fe80::1]", "[::ffff:10.1.2.3]", "2130706433", "127.1"),
    ],
)
def test_a_private_address_is_refused_unless_it_is_allowed(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not public: state `allow_private: true`"):
        Rig(f"http://{host}:9/", tmp_path, allow_private=False)


def test_what_a_killed_process_had_committed_is_delivered_once(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.status = 500
    rig = Rig(receiver.url, tmp_path)
    rig.write(0, 1)
    rig.sink.write([message(index=2, count=1)], [None])
    rig.states |= rig.sink.states()  # committed, but the process dies before it is told
    rig.sink._sender.stop()
    rig.sink._sender.join()
    rig.sink._outbox.close()
    rig.start()
    receiver.status = 200
    receiver.wait_for(3)
    rig.write(3)
    rig.close()
    assert frame_ids(receiver) == [0, 1, 2, 3]


def test_what_is_left_in_a_queue_the_next_run_delivers(receiver: Receiver, tmp_path: Path) -> None:
    receiver.status = 500
    queue = tmp_path / "alerts" / "queue.db"
    first = Rig(receiver.url, tmp_path, queue=str(queue), end_wait_s=0)
    first.write(0, 1)
    first.close()
    assert first.warnings == [
        f"hook: 2 events were not delivered and wait in {queue} for the next run"
    ]
    first.sink._sender.join()
    receiver.status = 200
    second = Rig(receiver.url, tmp_path, run_id="run-2", queue=str(queue))
    second.write(2)
    second.close()
    assert frame_ids(receiver) == [0, 1, 2]


def test_a_full_queue_loses_the_oldest_and_says_so_once(receiver: Receiver, tmp_path: Path) -> None:
    receiver.status = 500
    rig = Rig(receiver.url, tmp_path, max_queue=3)
    rig.write(*range(6))
    rig.write(6)
    receiver.status = 200
    receiver.wait_for(3)
    rig.close()
    assert frame_ids(receiver)[-3:] == [4, 5, 6]
    assert rig.warnings == ["hook: more than 3 events wait, the oldest are lost"]


def test_a_queue_that_another_run_uses_is_refused(receiver: Receiver, tmp_path: Path) -> None:
    queue = str(tmp_path / "queue.db")
    rig = Rig(receiver.url, tmp_path, queue=queue)
    with pytest.raises(
        ConfigError, match=r"cannot use the queue .*: another run or sink is using it"
    ):
        Rig(receiver.url, tmp_path, queue=queue)
    rig.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts, and its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -days 2"
    command += f" -addext subjectAltName=IP:127.0.0.1 -keyout {path}.key -out {path}.crt"
    subprocess.run(command.split(), check=True, capture_output=True)
    path.write_text(Path(f"{path}.key").read_text() + Path(f"{path}.crt").read_text())
    return path


def test_a_certificate_that_nobody_trusts_gets_nothing(certificate: Path, tmp_path: Path) -> None:
    with receiving(certificate=certificate) as receiver:
        rig = Rig(receiver.url, tmp_path, end_wait_s=1)
        rig.write(0)
        rig.close()
        assert receiver.asked == 0
    assert len(rig.warnings) == 1


def test_events_are_posted_over_tls(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiving(certificate=certificate) as receiver:
        rig = Rig(receiver.url, tmp_path)
        rig.write(0, 1)
        rig.close()
        assert frame_ids(receiver) == [0, 1]


def test_only_the_chosen_events_are_posted(receiver: Receiver, tmp_path: Path) -> None:
    rig = Rig(receiver.url, tmp_path, events=["zone_dwell"])
    rig.write(0)
    rig.close()
    assert receiver.asked == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": "ftp://a/"}, "must be an http:// or https:// address, got 'ftp://a/'"),
        ({"url": "http://u:pw@"}, "address, got"),
        ({"url": "http://a/", "events": ["zone_dwel"]}, "did you mean 'zone_dwell'?"),
        ({"url": "http://a/", "secret": ""}, "must be a text, or whsec_ and base64, and not empty"),
        ({"url": "http://a/", "secret": "whsec_%"}, "must be a text, or whsec_ and base64"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        WebhookOptions.model_validate(options)
    assert "pw" not in str(raised.value).partition("[type=")[0]


def test_a_secret_is_not_shown() -> None:
    values = {"url": "http://u:pwpw@a/?token=xyxy", "secret": "zzzz"}
    options = WebhookOptions.model_validate(values)
    shown = repr(options) + options.model_dump_json()
    assert [word for word in ("pwpw", "xyxy", "zzzz") if word in shown] == []
