"""Events published to librdkafka's mock of a Kafka broker, which freezes and is thawed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from streamdet.sinks.kafka import KafkaOptions, KafkaSink
from tests.sinks.frames import context, message
from tests.sinks.kafka_broker import MockBroker


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    made = MockBroker()
    yield made
    made.stop()


def sink_to(address: str, folder: Path, warnings: list[str], **options: Any) -> KafkaSink:
    values = {"servers": [address], "timeout_s": 3, "end_wait_s": 30} | options
    of_run = replace(context("cam"), folder=folder, node="kafka", warn=warnings.append)
    sink = KafkaSink(KafkaOptions.model_validate(values), of_run)
    sink.restore({})
    return sink


def write(sink: KafkaSink, *indices: int) -> None:
    sink.write([message("front/door", i, count=1) for i in indices], [None] * len(indices))
    sink.states()
    sink.committed()


def test_events_come_in_order_with_their_source_as_key(broker: MockBroker, tmp_path: Path) -> None:
    sink = sink_to(broker.address, tmp_path, [])
    write(sink, *range(20))
    sink.close()
    found = broker.consumed(20)
    assert [body["frame_id"] for _, _, body in found] == [*range(20)]
    assert {key for key, _, _ in found} == {"front/door"}
    assert all(event_id == body["id"] for _, event_id, body in found)


def test_a_broker_that_was_away_gets_everything_in_order(
    broker: MockBroker, tmp_path: Path
) -> None:
    warnings: list[str] = []
    sink = sink_to(broker.address, tmp_path, warnings, timeout_s=1)
    write(sink, 0, 1)
    broker.consumed(2)
    broker.freeze()
    write(sink, *range(2, 12))
    time.sleep(2)  # one try has failed by then
    broker.thaw()
    write(sink, 12)
    sink.close()
    frames = [body["frame_id"] for _, _, body in broker.consumed(13)]
    assert [*dict.fromkeys(frames)] == [*range(13)]  # at least once: one may have come twice
    assert warnings == []


@pytest.mark.parametrize("listens", [False, True], ids=["refused", "silent"])
def test_who_is_no_broker_is_told_and_loses_nothing_that_is_queued(
    tmp_path: Path, listens: bool
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listens:
            other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        warnings: list[str] = []
        queue = tmp_path / "queue.sqlite"
        options = {"timeout_s": 1, "end_wait_s": 2, "queue": str(queue)}
        sink = sink_to(address, tmp_path, warnings, **options)
        started_s = time.monotonic()
        write(sink, 0, 1)
        assert time.monotonic() - started_s < 1  # nobody waits for the broker
        sink.close()
    assert warnings == [f"kafka: 2 events were not delivered and wait in {queue} for the next run"]


def test_a_login_is_whole_and_hidden() -> None:
    values = {"servers": ["kafka.local:9093"], "tls": True, "username": "sd"}
    with pytest.raises(ValidationError, match="username and password"):
        KafkaOptions.model_validate(values)
    options = KafkaOptions.model_validate(values | {"password": "canary-4711"})
    assert "canary-4711" not in repr(options)
    assert options.properties()["security.protocol"] == "SASL_SSL"
    assert options.properties()["sasl.password"] == "canary-4711"


@pytest.mark.parametrize("server", ["kafka.local", "http://kafka:9092", "a@kafka:9092", "a:1,b:2"])
def test_a_server_is_a_host_and_a_port(server: str) -> None:
    with pytest.raises(ValidationError, match="servers"):
        KafkaOptions.model_validate({"servers": [server]})
