"""Collects the errors of a graph file, so that one check shows all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from streamdet.config.validation import dotted
from streamdet.config.yaml_loader import KeyPath, YamlText
from streamdet.errors import ConfigError

_OWN_OPTIONS: Final = ("--source ", "--output ")
_MAX_SHOWN: Final = 10


class UncheckedRestError(ConfigError):
    """Faults of a graph that kept the rest of it from being checked."""


class Problems:
    """The errors of one file, each with its line."""

    def __init__(self, text: YamlText) -> None:
        """Start without errors, for `text`."""
        self._text = text
        self._sentences: list[str] = []

    def error(self, path: KeyPath, predicate: str) -> ConfigError:
        """Make an error about the key or node at a path, from a predicate such as "must be ...".

        A value that comes from --source or --output is named by that option, which shows it.
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
        """Collect an error made by `error`."""
        self._sentences.append(str(self.error(path, predicate)))

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect the ConfigError that ends a block; its sentences already name their lines."""
        try:
            yield
        except ConfigError as exc:
            self._sentences += str(exc).splitlines()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._sentences)

    def raise_if_any(self, *, is_all: bool = False) -> None:
        """Raise what was collected.

        Args:
            is_all: everything has been checked.

        Raises:
            UncheckedRestError: there is a problem; a line each, the first ten.
            ConfigError: the same, where everything has been checked.
        """
        sentences = list(dict.fromkeys(self._sentences))
        if more := sentences[_MAX_SHOWN:]:
            sentences[_MAX_SHOWN:] = [f"{self._text.name}: and {len(more)} more problems"]
        if sentences:
            raise (ConfigError if is_all else UncheckedRestError)("\n".join(sentences))
