"""What Home Assistant learns from a real mosquitto: entities, their states, and whether we live."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from streamdet.events import Event, EventPlace
from streamdet.sinks.home_assistant import HomeAssistant
from streamdet.sinks.mqtt import MqttOptions, MqttSink
from tests.sinks.frames import context, message
from tests.sinks.mqtt_broker import Broker, Listener, broker

__all__ = ["broker"]
TOPIC = "home/streamdet"
YARD = EventPlace("zone", "yard", classes=("car",))
PLACES = (YARD, EventPlace("line", "gate", sources=("back",)), EventPlace("presence", "cat"))
STATE = f"{TOPIC}/door/state"


def options(port: int, **more: Any) -> MqttOptions:
    url = f"mqtt://sd:p%40ss@127.0.0.1:{port}"
    values = {"url": url, "topic": TOPIC, "timeout_s": 5, "end_wait_s": 8, "home_assistant": True}
    return MqttOptions.model_validate(values | more)


@contextmanager
def running(
    broker: Broker, folder: Path, states: Mapping[str, bytes] | None = None
) -> Iterator[MqttSink]:
    """A sink of a run with a camera at the front and one at the back."""
    of_run = replace(context("door", "back"), folder=folder, node="home", places=PLACES)
    sink = MqttSink(options(broker.port), of_run)
    sink.restore(states or {})
    yield sink
    sink.close()


def write(sink: MqttSink, *events: Event) -> Mapping[str, bytes]:
    frame = replace(message("door", 0, count=1), events=events)
    sink.write([frame], [None])
    states = sink.states()
    sink.committed()
    return states


def enters(kind: str, inside: int, classes: list[tuple[int, int]]) -> Event:
    return Event(kind, "yard", 7, 0, counts={"inside": inside}, more={"inside": classes})


def entities(listener: Listener) -> dict[tuple[str, str, str], dict[str, Any]]:
    """(component, camera, name) -> what describes the entity."""
    found = {}
    for topic, payload in listener.newest().items():
        if match := re.fullmatch(r"homeassistant/(\w+)/(\w+)/(\w+)/config", topic):
            config = json.loads(payload)
            assert config["unique_id"] == match[3]
            assert config["device"]["identifiers"] == [match[2]]
            found[match[1], config["device"]["name"], config["name"]] = config
    return found


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    made = Listener(broker.port)
    yield made
    made.close()


def wait_for_state(listener: Listener, below: str, payload: str) -> None:
    listener.wait_until(lambda: listener.newest().get(f"{STATE}/{below}") == payload)


def test_a_new_run_describes_its_places_before_anything_happens(
    broker: Broker, tmp_path: Path
) -> None:
    with running(broker, tmp_path):
        first = Listener(broker.port)
        first.wait_until(lambda: first.under(f"{TOPIC}/availability") == ["online"])
        first.close()
        late = Listener(broker.port)  # Home Assistant may start after us: all is retained
        late.wait_until(lambda: f"{TOPIC}/availability" in late.newest())
        late.wait_until(lambda: len(entities(late)) == 12)
        late.close()
    both = [("binary_sensor", "yard occupied"), ("sensor", "yard"), ("sensor", "yard car"),
            ("binary_sensor", "yard car occupied"), ("binary_sensor", "cat")]  # fmt: skip
    lines = [("sensor", "back", "gate in"), ("sensor", "back", "gate out")]
    of_cameras = [(kind, camera, name) for kind, name in both for camera in ("door", "back")]
    assert sorted(entities(late)) == sorted(of_cameras + lines)
    config = entities(late)["binary_sensor", "door", "yard car occupied"]
    assert config["state_topic"] == f"{STATE}/zone/yard/car"
    assert config["availability_topic"] == f"{TOPIC}/availability"
    assert config["device_class"] == "occupancy"
    assert late.newest()[config["state_topic"]] == "0"


def test_events_change_the_numbers_by_class(
    broker: Broker, tmp_path: Path, listener: Listener
) -> None:
    with running(broker, tmp_path) as sink:
        write(sink, enters("zone_enter", 3, [(0, 2), (1, 1)]), Event("presence_start", "cat"))
        wait_for_state(listener, "presence/cat", "1")
        newest = listener.newest()
        assert [newest[f"{STATE}/zone/yard{below}"] for below in ("", "/car", "/bus")] == [
            *("3", "2", "1")
        ]
        assert ("sensor", "door", "yard bus") in entities(listener)  # its class was not stated
        write(sink, enters("zone_exit", 2, [(0, 2)]), Event("presence_end", "cat"))
        wait_for_state(listener, "presence/cat", "0")
        newest = listener.newest()
        assert [newest[f"{STATE}/zone/yard{below}"] for below in ("", "/car", "/bus")] == [
            *("2", "2", "0")
        ]
    listener.wait_until(lambda: listener.newest()[f"{TOPIC}/availability"] == "offline")


def test_a_run_that_goes_on_does_not_say_that_all_is_empty(
    broker: Broker, tmp_path: Path, listener: Listener
) -> None:
    with running(broker, tmp_path / "first") as sink:
        states = write(sink, enters("zone_enter", 1, [(0, 1)]))
        wait_for_state(listener, "zone/yard", "1")
    with running(broker, tmp_path / "second", states):
        listener.wait_until(lambda: listener.under(f"{TOPIC}/availability").count("online") == 2)
        listener.wait_until(lambda: len(listener.under(f"{STATE}/zone/yard")) == 3)
    assert listener.under(f"{STATE}/zone/yard") == ["0", "1", "1"]  # 1: delivered again


def test_events_of_an_earlier_run_that_waited_change_nothing() -> None:
    home = HomeAssistant(TOPIC, "homeassistant", "now")
    event = {"event": "zone_enter", "source_id": "door", "zone": "yard", "counts": {"inside": 3}}
    assert home.tell(event | {"run": "before"}) == {}
    assert home.tell(event | {"run": "now"})[f"{STATE}/zone/yard"] == "3"


def test_who_is_cut_off_is_told_by_the_broker_and_comes_back(
    broker: Broker, tmp_path: Path, listener: Listener
) -> None:
    with running(broker, tmp_path) as sink:
        listener.wait_until(lambda: f"{TOPIC}/availability" in listener.newest())
        courier: Any = sink._sender._courier
        courier._client.socket().close()
        listener.wait_until(lambda: len(listener.under(f"{TOPIC}/availability")) == 3)
    said = listener.under(f"{TOPIC}/availability")[:3]
    assert said == ["online", "offline", "online"]


def test_a_broker_that_forgot_everything_is_told_again(broker: Broker, tmp_path: Path) -> None:
    with running(broker, tmp_path) as sink:
        write(sink, enters("zone_enter", 1, [(0, 1)]))
        listener = Listener(broker.port)
        wait_for_state(listener, "zone/yard/car", "1")
        listener.close()
        broker.kill()
        broker.start()
        after = Listener(broker.port)
        wait_for_state(after, "zone/yard/car", "1")
        after.wait_until(lambda: len(entities(after)) == 12)
        after.close()


def test_entities_need_all_events() -> None:
    with pytest.raises(ValidationError, match="leave `events` out"):
        options(1, events=["zone_enter"])
