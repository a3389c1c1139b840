"""A broker for the tests of Kafka: librdkafka's own mock of one, in a process of its own.

It speaks Kafka's protocol on a port of this machine, but it is no Kafka: see docs/zones.md.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

TOPIC = "streamdet-events"
_PROGRAM = """
import sys
from confluent_kafka import Producer
broker = Producer({"test.mock.num.brokers": 1})
(one,) = broker.list_topics(timeout=10).brokers.values()
print(f"{one.host}:{one.port}", flush=True)
sys.stdin.read()
"""


class MockBroker:
    """The process, which can be frozen for a while."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def consumed(self, count: int) -> list[tuple[str, str, dict[str, Any]]]:
        """(key, id of the header, event) of all messages, once there are `count` different ones."""
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "test"})
        deadline_s = time.monotonic() + 60
        while not (partitions := consumer.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions):
            assert time.monotonic() < deadline_s, "the topic, made with its first event, is missing"
            time.sleep(0.05)
        consumer.assign([TopicPartition(TOPIC, each, OFFSET_BEGINNING) for each in partitions])
        found: list[tuple[str, str, dict[str, Any]]] = []
        message: Any
        while len({event_id for _, event_id, _ in found}) < count:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                ((_, event_id),) = message.headers()
                body = json.loads(message.value())
                found.append((message.key().decode(), event_id.decode(), body))
            assert time.monotonic() < deadline_s, found
        consumer.close()
        return found
