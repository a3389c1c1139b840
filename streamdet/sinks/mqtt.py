"""Publishes each event to an MQTT broker, which home automation and many machines listen to."""

from __future__ import annotations

from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field

from streamdet.errors import ConfigError, to_install
from streamdet.sinks.delivery import DeliveryOptions, DeliverySink
from streamdet.sinks.outbox import Letter
from streamdet.sinks.sender import Courier, DeliveryError
from streamdet.system.redaction import SecretUrl, short

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_AT_LEAST_ONCE: Final = 1
"""The quality of service: the broker acknowledges each message."""


def _checked_url(url: SecretUrl) -> SecretUrl:
    try:
        parts = urlsplit(url.reveal())
        is_valid = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError(f"must be an mqtt:// or mqtts:// address, got {short(str(url))!r}")
    return url


class MqttOptions(DeliveryOptions):
    """Options of `mqtt`."""

    url: Annotated[SecretUrl, AfterValidator(_checked_url)] = Field(
        description="The broker: mqtt://user:password@host:1883, or mqtts:// for TLS."
    )
    topic: str = Field(
        "streamdet",
        pattern=r"^[^+#\x00]+$",
        description="What the topics begin with: <topic>/<source>/<event>.",
    )


class MqttSink(DeliverySink):
    """Publishes each event as JSON, in order, at least once; waits until the broker has it."""

    Options: type[DeliveryOptions] = MqttOptions

    def courier(self) -> Courier:
        """Make what publishes."""
        if missing := missing_library():
            raise ConfigError(missing)
        return Publisher(self._options)


class Publisher:
    """Publishes letters over one connection, which is opened again when it breaks."""

    def __init__(self, options: MqttOptions) -> None:
        """Remember the broker; connects at the first letter."""
        self._options = options
        self._parts = urlsplit(options.url.reveal())
        self._client: Any = None
        self.name = f"mqtt {self._parts.hostname}"

    def deliver(self, letter: Letter) -> None:
        """Publish a letter and wait for the broker: see sender.Courier."""
        source_id, _, kind = letter.topic.rpartition("/")
        source = "".join("_" if char in "+#/\0" else char for char in source_id)
        topic = f"{self._options.topic}/{source}/{kind}"
        try:
            self._client = self._client or self._connected()
            sent = self._client.publish(topic, letter.body, qos=_AT_LEAST_ONCE)
            sent.wait_for_publish(self._options.timeout_s)
            if not sent.is_published():
                raise DeliveryError("the broker did not acknowledge in time")
        except (OSError, ValueError, RuntimeError) as exc:
            self.close()
            raise DeliveryError(str(exc) or type(exc).__name__) from exc
        except DeliveryError:
            self.close()  # or the library would publish it again by itself
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _connected(self) -> Any:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2)
        if self._parts.username:
            client.username_pw_set(
                unquote(self._parts.username), unquote(self._parts.password or "")
            )
        if self._parts.scheme == "mqtts":
            client.tls_set()
        answers: SimpleQueue[str] = SimpleQueue()
        client.on_connect = lambda *args: answers.put("" if args[3] == 0 else str(args[3]))
        client.connect_timeout = self._options.timeout_s
        host, port = self._parts.hostname or "", self._parts.port or _PORTS[self._parts.scheme]
        client.connect(host, port)
        client.loop_start()
        self._client = client
        try:
            answer = answers.get(timeout=self._options.timeout_s)
        except Empty as exc:
            raise DeliveryError("the broker does not answer") from exc
        if answer:
            raise DeliveryError(f"the broker refuses: {answer}")
        return client


def missing_library() -> str:
    """Say how to get what speaks MQTT; "" where it is installed."""
    is_missing = find_spec("paho") is None
    return f"mqtt needs paho-mqtt: {to_install('mqtt')}" if is_missing else ""
