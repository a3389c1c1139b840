"""What Home Assistant learns by MQTT: which entities there are, and the state of each.

A retained message at `<prefix>/<component>/<node>/<object>/config` describes an entity:
https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery. Its state is a retained number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from streamdet import __version__
from streamdet.events import PLACES, EventPlace

ONLINE, OFFLINE = "online", "offline"
_IS_SOME: Final = "{{ 'ON' if value | int > 0 else 'OFF' }}"
_COUNT: Final = {"state_class": "measurement", "unit_of_measurement": "objects"}
_TOTAL: Final = {"state_class": "total_increasing", "unit_of_measurement": "objects"}
_OCCUPIED: Final = {"device_class": "occupancy", "value_template": _IS_SOME}


def topic_level(text: str) -> str:
    """Make a text fit to be one level of a topic."""
    return "".join("_" if char in "+#/\0" else char for char in text)


class HomeAssistant:
    """Keeps what is to be retained by the broker.

    Args:
        topic: what the topics of the events begin with.
        prefix: under which Home Assistant looks for entities.
        run_id: names the run; events of an earlier one, which waited in a queue, count no more.

    Attributes:
        availability: topic of whether the run is there: `online` or `offline`.
        retained: topic -> payload, all that was said so far.
    """

    def __init__(self, topic: str, prefix: str, run_id: str) -> None:
        self._topic = topic
        self._prefix = prefix
        self._run_id = run_id
        self.availability = f"{topic}/availability"
        self.retained: dict[str, str] = {}
        self._known: dict[tuple[str, str, str], set[str]] = {}

    def begin(self, source_id: str, place: EventPlace, *, is_new: bool) -> None:
        """Make known what a place of a source counts.

        Args:
            source_id: the source.
            place: of it.
            is_new: whether nothing can have happened there yet, so that all counts are 0.
        """
        parts = {"zone": ["", *place.classes], "line": ["in", "out"]}.get(place.what, [""])
        self._add((source_id, place.what, place.name), parts)
        if is_new:
            self.retained |= self._states(
                source_id, place.what, place.name, dict.fromkeys(parts, 0)
            )

    def tell(self, event: Mapping[str, Any]) -> dict[str, str]:
        """Say what an event changes: topic -> payload, each to be retained."""
        what = PLACES.get(event["event"].partition("_")[0])
        if what is None or what not in event or event["run"] != self._run_id:
            return {}
        key = event["source_id"], what, event[what]
        counts = dict(_counts(event))
        said = self._add(key, counts)
        counts = dict.fromkeys(self._known[key], 0) | counts
        said |= self._states(*key, counts)
        self.retained |= said
        return said

    def _states(
        self, source_id: str, what: str, name: str, counts: Mapping[str, int]
    ) -> dict[str, str]:
        return {self._state(source_id, what, name, part): str(n) for part, n in counts.items()}

    def _state(self, *levels: str) -> str:
        source_id, *place = levels
        below = "/".join(topic_level(each) for each in place if each)
        return f"{self._topic}/{topic_level(source_id)}/state/{below}"

    def _add(self, key: tuple[str, str, str], parts: Iterator[str] | Any) -> dict[str, str]:
        """Describe what was not known yet; returns topic -> payload."""
        known = self._known.setdefault(key, set())
        configs: dict[str, str] = {}
        for part in parts:
            if part not in known:
                known.add(part)
                configs |= dict(self._configs(key, part))
        self.retained |= configs
        return configs

    def _configs(self, key: tuple[str, str, str], part: str) -> Iterator[tuple[str, str]]:
        source_id, what, name = key
        shown = " ".join(filter(None, (name, part)))
        camera = f"streamdet_{_digest(self._topic, source_id)}"
        for component, title, more in _entities(what, shown):
            unique = f"streamdet_{_digest(self._topic, *key, part, component)}"
            config = {
                "name": title,
                "unique_id": unique,
                "state_topic": self._state(*key, part),
                "availability_topic": self.availability,
                "device": {"identifiers": [camera], "name": source_id, "manufacturer": "streamdet"},
                "origin": {"name": "streamdet", "sw_version": __version__},
                **more,
            }
            yield f"{self._prefix}/{component}/{camera}/{unique}/config", json.dumps(config)


def _entities(what: str, shown: str) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield component, name and further keys of what Home Assistant shows of a count."""
    if what == "line":
        yield "sensor", shown, _TOTAL
        return
    yield "binary_sensor", f"{shown} occupied" if what == "zone" else shown, _OCCUPIED
    if what == "zone":
        yield "sensor", shown, _COUNT


def _counts(event: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield what an event counts, "" for all of a place."""
    match event["event"].partition("_")[0]:
        case "presence":
            yield "", int(event["event"] == "presence_start")
        case "line":
            yield from ((way, event["counts"][way]) for way in ("in", "out"))
        case "zone":
            yield "", event["counts"]["inside"]
            yield from event.get("inside", {}).items()


def _digest(*texts: str) -> str:
    return sha256(json.dumps(texts).encode()).hexdigest()[:12]
