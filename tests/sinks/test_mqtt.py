"""Events published to a real mosquitto, which may be killed and come back."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamdet.sinks.mqtt import MqttOptions, MqttSink
from tests.required import skip_for_want_of
from tests.sinks.frames import context, message

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


class Broker:
    """A mosquitto on a port of its own, with a user "sd"."""

    def __init__(self, folder: Path) -> None:
        if MOSQUITTO is None:
            skip_for_want_of("mqtt", "there is no mosquitto (apt install mosquitto)")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        passwords, self._config = folder / "passwords", folder / "mosquitto.conf"
        passwords.write_text("")
        command = [str(Path(MOSQUITTO).parents[1] / "bin" / "mosquitto_passwd"), "-b"]
        subprocess.run([*command, str(passwords), "sd", "p@ss"], check=True, capture_output=True)
        passwords.chmod(0o644)
        folder.chmod(0o755)
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"user {os.environ.get('USER', 'root')}\n"
        )
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)], stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline_s, "mosquitto does not start"
                time.sleep(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Listener:
    """Subscribes to everything."""

    def __init__(self, port: int) -> None:
        client_module = pytest.importorskip("paho.mqtt.client")
        self.came: list[tuple[str, dict[str, Any]]] = []
        self._client = client_module.Client(client_module.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("sd", "p@ss")
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = lambda _, __, got: self.came.append(
            (got.topic, json.loads(got.payload))
        )
        subscribed: list[int] = []
        self._client.on_subscribe = lambda *_: subscribed.append(1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        while not subscribed:
            time.sleep(0.01)

    def wait_for(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        deadline_s = time.monotonic() + 20
        while len(self.came) < count:
            assert time.monotonic() < deadline_s, f"{len(self.came)} of {count} came"
            time.sleep(0.01)
        return self.came

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.kill()


def sink_to(broker: Broker, folder: Path, user: str = "sd:p%40ss", **options: Any) -> MqttSink:
    url = f"mqtt://{user}@127.0.0.1:{broker.port}"
    values = {"url": url, "timeout_s": 5, "end_wait_s": 8} | options
    sink = MqttSink(
        MqttOptions.model_validate(values),
        replace(context("cam"), folder=folder, node="mqtt"),
    )
    sink.restore({})
    return sink


def write(sink: MqttSink, *indices: int) -> None:
    sink.write([message("front/door", i, count=1) for i in indices], [None] * len(indices))
    sink.states()
    sink.committed()


def test_each_event_is_published_under_its_source_and_kind(broker: Broker, tmp_path: Path) -> None:
    listener = Listener(broker.port)
    sink = sink_to(broker, tmp_path, topic="home/streamdet")
    write(sink, 0, 1, 2)
    came = listener.wait_for(3)
    sink.close()
    listener.close()
    assert {topic for topic, _ in came} == {"home/streamdet/front_door/zone_enter"}
    assert [body["frame_id"] for _, body in came] == [0, 1, 2]


def test_a_broker_that_was_down_gets_everything_in_order(broker: Broker, tmp_path: Path) -> None:
    sink = sink_to(broker, tmp_path)
    broker.kill()
    write(sink, 0, 1, 2)
    time.sleep(0.5)
    broker.start()
    listener = Listener(broker.port)
    write(sink, 3)
    came = listener.wait_for(4)
    sink.close()
    listener.close()
    assert [body["frame_id"] for _, body in came] == [0, 1, 2, 3]


def test_a_broker_that_refuses_us_is_told_at_the_end(broker: Broker, tmp_path: Path) -> None:
    sink = sink_to(broker, tmp_path, user="sd:wrong", end_wait_s=1)
    warnings: list[str] = []
    sink._context = replace(sink._context, warn=warnings.append)
    write(sink, 0)
    sink.close()
    assert warnings == [
        "mqtt: 1 events were not delivered and are lost: state `queue` to keep them"
    ]
