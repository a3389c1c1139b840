"""YAML text -> plain values and where each stands, within limits on size and depth.

The subset: mappings with text keys, sequences, scalars, aliases; one document, no tags. Plain
scalars are typed by the core schema of YAML 1.2 (section 10.3.2), so `yes`, `12:30` and
`2026-11-01` are text.

Variables of the environment in a scalar are replaced (environment.py); such a scalar is typed as
if it were plain, so that "${N:-4}" is a number in quotes too, which YAML wants inside `{...}`.
Errors say which variable a value came from, and do not show the value where it or the variable's
name looks secret.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from streamdet.config.environment import replaced
from streamdet.errors import ConfigError
from streamdet.system.redaction import redacted, short
from streamdet.system.text_file import decoded

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 20
MAX_ALIASES: Final = 100
MAX_VALUES: Final = 10_000
"""Values after aliases are followed."""

KeyPath = tuple[str | int, ...]
"""Where a value stands: ("nodes", "detect", "classes", 0)."""

Scalar = str | int | float | bool | None

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(slots=True)
class YamlText:
    """A parsed file.

    Attributes:
        name: the file as the user named it, for errors.
        values: dicts with text keys, lists and scalars.
        places: "people.yaml:12" for each value; a mapping's value stands where its key does.
        texts: for each scalar its text after replacement, before it was typed.
        written: for each scalar with a value from the environment, its text before replacement.
        secret: where of these the value may not be shown.
    """

    name: str
    values: Any = None
    places: dict[KeyPath, str] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)
    secret: set[KeyPath] = field(default_factory=set)

    def place(self, path: KeyPath) -> str:
        """Say where a value stands, or the innermost one around it that stands anywhere."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.name)

    def shown(self, path: KeyPath, value: object) -> str:
        """Show a value in an error: short and without secrets."""
        if path in self.secret:
            return short(self.written[path])
        if any(path == other[: len(path)] for other in self.secret):
            return "a value that uses the environment"
        text = repr(redacted(value)) if isinstance(value, str) else redacted(_flow(value))
        return text if len(text) <= 80 else f"{text[:77]}..."

    def explained(self, path: KeyPath, sentence: str) -> str:
        """Say in a sentence which values, at or below a path, came from the environment.

        `${NAME}` takes the place of those that are secret.
        """
        for other, written in self.written.items():
            value = self.texts[other]
            if other[: len(path)] != path or not value:
                continue
            if other in self.secret:
                for secret in (value, redacted(value)):
                    sentence = sentence.replace(secret, short(written))
            elif short(value) in sentence:
                sentence = f"{sentence} (from {short(written)})"
        return sentence

    def forget(self, path: KeyPath) -> None:
        """Forget what is known of the values at and below a path."""
        for known in (self.places, self.texts, self.written):
            for below in [other for other in known if other[: len(path)] == path]:
                del known[below]
        self.secret -= {other for other in self.secret if other[: len(path)] == path}

    def copy(self, path: KeyPath, to: KeyPath) -> None:
        """Know of the values at and below another path what is known of those at this one."""
        for known in (self.places, self.texts, self.written):
            below = [other for other in known if other[: len(path)] == path]
            known.update({(*to, *other[len(path) :]): known[other] for other in below})
        below = [other for other in self.secret if other[: len(path)] == path]
        self.secret |= {(*to, *other[len(path) :]) for other in below}

    def include(self, path: KeyPath, other: YamlText) -> None:
        """Know of the values at and below a path what another file knows of all of its own."""
        self.forget(path)
        self.places[path] = other.name
        self.places |= {(*path, *below): place for below, place in other.places.items()}
        self.texts |= {(*path, *below): text for below, text in other.texts.items()}
        self.written |= {(*path, *below): text for below, text in other.written.items()}
        self.secret |= {(*path, *below) for below in other.secret}


def read_yaml(path: Path, environ: Mapping[str, str] = os.environ) -> YamlText:
    """Read and parse a file.

    Raises:
        ConfigError: it cannot be read or is not in the subset; names file and line.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from exc
    if len(content) > MAX_BYTES:
        raise ConfigError(_too_large(str(path)))
    return parse_yaml(decoded(content, str(path)), str(path), environ)


def parse_yaml(text: str, name: str, environ: Mapping[str, str] | None = None) -> YamlText:
    """Parse a text.

    Args:
        text: the YAML.
        name: what errors call it.
        environ: values of `${NAME}`; None: they are not replaced.

    Raises:
        ConfigError: it is not in the subset; names file and line.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(_too_large(name))
    try:
        return _Parser(text, name, environ).parse()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = min(1 if mark is None else mark.line + 1, len(text.splitlines()))
        raise ConfigError(f"{name}:{line}: {_problem(exc, text, line)}") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(f"{name}: holds a character that YAML does not allow") from exc


def parse_scalar(text: str) -> Scalar:
    """Type a plain scalar by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
    return float(text) if _FLOAT.fullmatch(text) and len(text) <= 40 else text


def _too_large(name: str) -> str:
    return f"{name}: must be at most {MAX_BYTES >> 20} MiB of YAML"


def _problem(exc: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.splitlines()
    if line <= len(lines) and "\t" in lines[line - 1]:
        return "a tab stands where YAML allows only spaces"
    if exc.problem and "nesting depth" in exc.problem:  # PyYAML 6.0.4 has a limit of its own
        return f"is nested more than {MAX_DEPTH} levels deep"
    return f"not YAML: {', '.join(part for part in (exc.context, exc.problem) if part)}"


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


class _Parser:
    """Builds values from parser events, so that every limit is met before memory is spent."""

    def __init__(self, text: str, name: str, environ: Mapping[str, str] | None) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self._environ = environ
        self._out = YamlText(name)
        self._anchors: dict[str, tuple[KeyPath, Any, int]] = {}
        self._aliases = 0
        self._count = 0

    def parse(self) -> YamlText:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return self._out
        self._out.values = self._value(next(self._events), ())
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "must hold one document, got a second one")
        return self._out

    def _error(self, event: Any, sentence: str) -> ConfigError:
        return ConfigError(f"{self._place(event)}: {sentence}")

    def _place(self, event: Any) -> str:
        return f"{self._out.name}:{event.start_mark.line + 1}"

    def _value(self, event: Any, path: KeyPath) -> Any:
        self._out.places.setdefault(path, self._place(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if event.tag not in {None, "!"}:
            raise self._error(event, f"tags are not supported, got {event.tag}")
        before = self._count
        self._grow(event, 1)
        value = self._collection_or_scalar(event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = path, value, self._count - before
        return value

    def _grow(self, event: Any, count: int) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise self._error(event, f"holds more than {MAX_VALUES} values")

    def _collection_or_scalar(self, event: Any, path: KeyPath) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            raise self._error(event, f"is nested more than {MAX_DEPTH} levels deep")
        return (
            self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._list(path)
        )

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag not in {None, "!"}:
                raise self._error(event, "a key must be text")
            key = event.value
            if event.implicit[0] and not isinstance(parse_scalar(key), str):
                raise self._error(event, f"a key must be text, got {key}: write it in quotes")
            if key in values:
                first = self._out.places[*path, key].rpartition(":")[2]
                raise self._error(event, f"key {key!r} stands twice, first in line {first}")
            self._out.places[*path, key] = self._place(event)
            values[key] = self._value(next(self._events), (*path, key))
        return values

    def _list(self, path: KeyPath) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _alias(self, event: Any, path: KeyPath) -> Any:
        if event.anchor not in self._anchors:
            raise self._error(event, f"alias *{event.anchor} has no anchor before it")
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise self._error(event, f"holds more than {MAX_ALIASES} aliases")
        origin, value, count = self._anchors[event.anchor]
        self._grow(event, count)
        place = self._out.places[path]
        self._out.copy(origin, path)
        self._out.places[path] = place
        return copy.deepcopy(value)

    def _scalar(self, event: Any, path: KeyPath) -> Scalar:
        text: str = event.value
        if self._environ is not None:
            found = replaced(text, self._environ, self._place(event))
            text = found.text
            if found.uses_environment:
                self._out.written[path] = event.value
            if found.is_secret:
                self._out.secret.add(path)
        self._out.texts[path] = text
        is_plain = event.implicit[0] or text != event.value
        return parse_scalar(text) if is_plain else text
