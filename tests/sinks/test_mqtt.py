"""Events published to a real mosquitto, which may be killed and come back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamdet.sinks.mqtt import MqttOptions, MqttSink
from tests.sinks.frames import context, message
from tests.sinks.mqtt_broker import Broker, Listener, broker

__all__ = ["broker"]


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
    assert [json.loads(body)["frame_id"] for _, body in came] == [0, 1, 2]


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
    assert [json.loads(body)["frame_id"] for _, body in came] == [0, 1, 2, 3]


def test_a_broker_that_refuses_us_is_told_at_the_end(broker: Broker, tmp_path: Path) -> None:
    sink = sink_to(broker, tmp_path, user="sd:wrong", end_wait_s=1)
    warnings: list[str] = []
    sink._context = replace(sink._context, warn=warnings.append)
    write(sink, 0)
    sink.close()
    assert warnings == [
        "mqtt: 1 events were not delivered and are lost: state `queue` to keep them"
    ]
