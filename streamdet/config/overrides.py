"""What the command line changes in a YAML file: `--set KEY.KEY=VALUE`."""

from __future__ import annotations

from typing import Any

from streamdet.config.yaml_loader import KeyPath, YamlText, parse_yaml
from streamdet.errors import ConfigError
from streamdet.system.redaction import is_utf8, short


def split_set(entry: str, form: str, least_keys: int = 1) -> tuple[tuple[str, ...], str, str]:
    """Split the KEY=VALUE of a `--set`, where dots lead to keys within keys.

    Args:
        entry: as it was typed.
        form: what is wanted, for errors: "NODE.OPTION=VALUE, for example detect.batch=4".
        least_keys: how many keys there must be.

    Returns:
        The keys, the value as YAML, and what errors call it: see `put`.

    Raises:
        ConfigError: it is not of that form, or not UTF-8.
    """
    place = f"--set {short(entry)}"
    if not is_utf8(entry):
        raise ConfigError(f"{place}: must be UTF-8")
    stated, has_value, value = entry.partition("=")
    keys = tuple(stated.split("."))
    if not has_value or not all(keys) or len(keys) < least_keys:
        raise ConfigError(f"{place}: must be {form}")
    return keys, value, place


def put(text: YamlText, path: tuple[str, ...], value: str, place: str) -> None:
    """Set a value as the command line states it; errors will name the option instead of a line.

    Args:
        text: the file, which is changed.
        path: where, an entry of a list by its number from 0; keys on the way that are not there
            are made.
        value: the YAML.
        place: what errors call it.

    Raises:
        ConfigError: the value is not in the subset, something on the way holds no keys, or a
            list has no such entry.
    """
    parsed = parse_option(value, place)
    where = put_value(text, path, parsed.values, place)
    text.texts |= {(*where, *below): scalar for below, scalar in parsed.texts.items()}


def put_value(text: YamlText, path: tuple[str, ...], value: Any, place: str) -> KeyPath:
    """Set a value as `put` does, but that it is no YAML any more; returns where it stands.

    Raises:
        ConfigError: something on the way holds no keys, or a list has no such entry.
    """
    holder: Any = text.values
    where: KeyPath = ()
    for key in path[:-1]:
        where = (*where, _key(holder, key, place))
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[where[-1]]
        text.places.setdefault(where, place)
        if not isinstance(holder, dict | list):
            raise ConfigError(f"{place}: {key} holds no keys")
    where = (*where, _key(holder, path[-1], place))
    text.forget(where)
    holder[where[-1]] = value
    text.places[where] = place
    return where


def parse_option(text: str, place: str) -> YamlText:
    """Parse the value of an option on the command line, where lines have no numbers.

    Args:
        text: the YAML.
        place: what errors call it.

    Raises:
        ConfigError: it is not in the subset.
    """
    numbered = f"{place}:1: "
    try:
        return parse_yaml(text, place)
    except ConfigError as exc:
        raise ConfigError(str(exc).replace(numbered, f"{place}: ", 1)) from exc


def _key(holder: dict[str, Any] | list[Any], key: str, place: str) -> str | int:
    """Give the key, of a list the number of its entry."""
    if isinstance(holder, dict):
        return key
    if key.isdecimal() and len(key) < 10 and int(key) < len(holder):
        return int(key)
    numbers = f"0 to {len(holder) - 1}" if holder else "of which there are none"
    raise ConfigError(f"{place}: {key!r} must be the number of an entry, {numbers}")
