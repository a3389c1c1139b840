"""Publishes each event to a Kafka topic, by librdkafka (the package confluent-kafka)."""

from __future__ import annotations

import logging
import time
from importlib.util import find_spec
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, model_validator

from streamdet.errors import ConfigError, to_install
from streamdet.sinks.delivery import DeliveryOptions, DeliverySink
from streamdet.sinks.outbox import Letter
from streamdet.sinks.sender import Courier, DeliveryError, RefusedLetterError

_SERVER: Final = r"^[^\s,/@]+:[0-9]{1,5}$"
_REFUSED: Final = ("MSG_SIZE_TOO_LARGE", "INVALID_RECORD", "INVALID_MSG_SIZE")
"""Names of errors that speak of the event itself: it is not tried again."""
_POLL_S: Final = 0.2


class KafkaOptions(DeliveryOptions):
    """Options of `kafka`."""

    servers: tuple[Annotated[str, Field(pattern=_SERVER)], ...] = Field(
        min_length=1, description="Brokers to begin with: [kafka1.local:9092]."
    )
    topic: str = Field(
        "streamdet-events",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
        description="The topic; events of one source have its id as their key.",
    )
    tls: bool = Field(False, description="Whether to speak TLS.")
    username: str | None = Field(None, description="Of SASL; needs `password`.")
    password: SecretStr | None = Field(
        None, description="Of SASL. Put it in the environment: ${KAFKA_PASSWORD}."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="Of SASL."
    )

    @model_validator(mode="after")
    def _check_login(self) -> KafkaOptions:
        if (self.username is None) != (self.password is None):
            raise ValueError("needs username and password, or neither")
        return self

    def properties(self) -> dict[str, Any]:
        """List the options as librdkafka calls them."""
        protocol = ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT")
        properties: dict[str, Any] = {
            "bootstrap.servers": ",".join(self.servers),
            "client.id": "streamdet",
            "enable.idempotence": True,
            "linger.ms": 0,
            "message.timeout.ms": round(self.timeout_s * 1000),
            "security.protocol": protocol,
        }
        if self.username is not None and self.password is not None:
            properties |= {
                "sasl.mechanism": self.mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password.get_secret_value(),
            }
        return properties


class KafkaSink(DeliverySink):
    """Publishes each event as JSON, in order, at least once; waits until all replicas have it."""

    Options: type[DeliveryOptions] = KafkaOptions

    def courier(self) -> Courier:
        """Make what publishes."""
        if missing := missing_library():
            raise ConfigError(missing)
        return Producing(self._options)


class Producing:
    """Produces one letter after another; the next only when the brokers have the last."""

    def __init__(self, options: KafkaOptions) -> None:
        """Remember the brokers; connects at the first letter."""
        self._options = options
        self._producer: Any = None
        self._trouble = ""
        self.name = f"kafka {options.servers[0]}"

    def deliver(self, letter: Letter) -> None:
        """Produce a letter and wait for the brokers: see sender.Courier."""
        from confluent_kafka import KafkaException

        reports: list[Any] = []
        try:
            self._producer = self._producer or self._made()
            self._producer.produce(
                self._options.topic,
                letter.body,
                key=letter.topic.rpartition("/")[0],
                headers=[("id", letter.id.encode())],
                on_delivery=lambda error, _: reports.append(error),
            )
            self._wait(reports)
        except KafkaException as exc:
            if exc.args[0].name() not in _REFUSED:
                self.close()
            self._refuse(exc.args[0])
        if reports[0] is not None:
            self._refuse(reports[0])
        self._trouble = ""

    def rest(self) -> None:
        """Let the library tell what it noticed."""
        if self._producer is not None:
            self._producer.poll(0)

    def close(self) -> None:
        """Forget the connection; no letter is under way."""
        self._producer = None

    def _made(self) -> Any:
        from confluent_kafka import Producer

        return Producer(self._options.properties(), error_cb=self._note, logger=_SILENT)

    def _note(self, error: Any) -> None:
        self._trouble = error.str()

    def _wait(self, reports: list[Any]) -> None:
        """Wait for a letter's report: it comes within `timeout_s`, or says that time is over."""
        until_s = time.monotonic() + 2 * self._options.timeout_s
        while not reports:
            self._producer.poll(_POLL_S)
            if time.monotonic() > until_s:
                self.close()
                raise DeliveryError("the library does not report")

    def _refuse(self, error: Any) -> None:
        """Say why a letter was not taken."""
        if error.name() in _REFUSED:
            raise RefusedLetterError(error.str())
        if error.fatal():
            self.close()
        raise DeliveryError(f"{error.str()} ({self._trouble})" if self._trouble else error.str())


def missing_library() -> str:
    """Say how to get what speaks Kafka; "" where it is installed."""
    is_missing = find_spec("confluent_kafka") is None
    return f"kafka needs confluent-kafka: {to_install('kafka')}" if is_missing else ""


_SILENT: Final = logging.getLogger("streamdet.kafka")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
