"""Publishes each event to an MQTT broker, which home automation and many machines listen to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from streamdet.errors import ConfigError, to_install
from streamdet.sinks.delivery import DeliveryOptions, DeliverySink
from streamdet.sinks.home_assistant import OFFLINE, ONLINE, HomeAssistant, topic_level
from streamdet.sinks.outbox import Letter
from streamdet.sinks.sender import Courier, DeliveryError
from streamdet.system.redaction import SecretUrl, short

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_AT_LEAST_ONCE: Final = 1
"""The quality of service: the broker acknowledges each message."""
_LAST_WAIT_S: Final = 1.0


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
    home_assistant: bool = Field(
        False,
        description="Whether Home Assistant shows each zone, line and presence by itself; `topic`"
        " must then be this run's alone.",
    )
    discovery_prefix: str = Field(
        "homeassistant",
        pattern=r"^[^+#\x00]+$",
        description="Where Home Assistant looks for entities, as its MQTT integration is set.",
    )

    @model_validator(mode="after")
    def _check_events(self) -> MqttOptions:
        if self.home_assistant and self.events is not None:
            raise ValueError("home_assistant: true needs all events: leave `events` out")
        return self


class MqttSink(DeliverySink):
    """Publishes each event as JSON, in order, at least once; waits until the broker has it."""

    Options: type[DeliveryOptions] = MqttOptions

    def courier(self) -> Courier:
        """Make what publishes."""
        if missing := missing_library():
            raise ConfigError(missing)
        return Publisher(self._options, self._home())

    def _home(self) -> HomeAssistant | None:
        options, context = self._options, self._context
        if not options.home_assistant:
            return None
        home = HomeAssistant(options.topic, options.discovery_prefix, context.run_id)
        for source_id in context.sources:
            for place in context.places:
                if place.is_in(source_id):
                    home.begin(source_id, place, is_new=self._is_new)
        return home


class Publisher:
    """Publishes letters over one connection, which is opened again when it breaks."""

    def __init__(self, options: MqttOptions, home: HomeAssistant | None = None) -> None:
        """Remember the broker; connects at the first letter, or rest with Home Assistant."""
        self._options = options
        self._home = home
        self._is_announced = True
        self._parts = urlsplit(options.url.reveal())
        self._client: Any = None
        self.name = f"mqtt {self._parts.hostname}"

    def deliver(self, letter: Letter) -> None:
        """Publish a letter and wait for the broker: see sender.Courier."""
        source_id, _, kind = letter.topic.rpartition("/")
        topic = f"{self._options.topic}/{topic_level(source_id)}/{kind}"
        with self._connection():
            self._publish({topic: letter.body}, retain=False)
            if self._home is not None:
                self._publish(self._home.tell(json.loads(letter.body)))

    def rest(self) -> None:
        """Stay connected, where Home Assistant is to see that the run is there."""
        if self._home is not None:
            with self._connection():
                pass

    def close(self) -> None:
        """Close the connection."""
        if self._client is None:
            return
        if self._home is not None:
            gone = self._client.publish(self._home.availability, OFFLINE, _AT_LEAST_ONCE, True)
            with suppress(ValueError, RuntimeError):
                gone.wait_for_publish(_LAST_WAIT_S)
        self._client.disconnect()
        self._client.loop_stop()
        self._client = None

    @contextmanager
    def _connection(self) -> Iterator[None]:
        """Connect, unless that was done, and announce what the broker is to retain.

        Raises:
            DeliveryError: what is done in the block, or before it, has failed.
        """
        try:
            self._client = self._client or self._connected()
            if self._home is not None and not self._is_announced:
                self._is_announced = True
                self._publish(self._home.retained | {self._home.availability: ONLINE})
            yield
        except (OSError, ValueError, RuntimeError) as exc:
            self.close()
            raise DeliveryError(str(exc) or type(exc).__name__) from exc
        except DeliveryError:
            self.close()  # or the library would publish it again by itself
            raise

    def _publish(self, payloads: Mapping[str, bytes | str], *, retain: bool = True) -> None:
        sent = [
            self._client.publish(topic, payload, _AT_LEAST_ONCE, retain)
            for topic, payload in payloads.items()
        ]
        until_s = time.monotonic() + self._options.timeout_s
        for each in sent:
            each.wait_for_publish(max(0.0, until_s - time.monotonic()))
            if not each.is_published():
                raise DeliveryError("the broker did not acknowledge in time")

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

        def connected(*args: Any) -> None:
            self._is_announced = False  # also when the library has connected again by itself
            answers.put("" if args[3] == 0 else str(args[3]))

        client.on_connect = connected
        if self._home is not None:
            client.will_set(self._home.availability, OFFLINE, _AT_LEAST_ONCE, retain=True)
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
