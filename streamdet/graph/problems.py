"""Collects what is wrong with a graph, so that one check shows all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from streamdet.config.validation import dotted
from streamdet.config.yaml_loader import KeyPath, YamlText
from streamdet.errors import ConfigError

_OWN_OPTIONS: Final = ("--source ", "--output ")
_MAX_SHOWN: Final = 10


class Problems:
    """Sentences about one file, each with its place."""

    def __init__(self, text: YamlText) -> None:
        """Collect nothing yet, about `text`."""
        self._text = text
        self._sentences: list[str] = []

    def error(self, path: KeyPath, predicate: str) -> ConfigError:
        """Make the error that says something of the key or node at a path: "must be ...".

        Of what an option of its own states, it says it of the option, which shows the value.
        """
        place = self._text.place(path)
        if place.startswith(_OWN_OPTIONS) and path[-1] in ("uri", "path"):
            value = place.partition(" ")[2]
            return ConfigError(f"{place} {predicate.replace(f': {value}: ', ': ', 1)}")
        sentence = self._text.explained(path, f"{dotted(path)} {predicate}")
        return ConfigError(f"{place}: {sentence}")

    def text_at(self, path: KeyPath, holder: Mapping[str, object], why: str) -> str:
        """Return what is written at a path.

        Args:
            path: ends with a key of `holder`.
            holder: the keys and values around it.
            why: what it is needed for, in a sentence.

        Raises:
            ConfigError: it is missing, or holds keys or a list.
        """
        if path not in self._text.texts:
            problem = "must be text" if path[-1] in holder else "is missing"
            raise self.error(path, f"{problem}: {why}")
        return self._text.texts[path]

    def add(self, path: KeyPath, predicate: str) -> None:
        """Collect such an error and go on."""
        self._sentences.append(str(self.error(path, predicate)))

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect the ConfigError that ends a block; its sentences already name their places."""
        try:
            yield
        except ConfigError as exc:
            self._sentences += str(exc).splitlines()

    def raise_if_any(self) -> None:
        """Raise what was collected.

        Raises:
            ConfigError: there is a problem; a line each, the first ten.
        """
        sentences = list(dict.fromkeys(self._sentences))
        if more := sentences[_MAX_SHOWN:]:
            sentences[_MAX_SHOWN:] = [f"{self._text.name}: and {len(more)} more problems"]
        if sentences:
            raise ConfigError("\n".join(sentences))
