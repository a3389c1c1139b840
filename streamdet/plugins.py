"""Kinds of other installed packages, found by their entry points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from streamdet.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Plugin:
    """One entry point of another package; nothing of it is imported yet."""

    package: str
    entry_point: EntryPoint

    def load(self) -> Any:
        """Import the class.

        Raises:
            ConfigError: the import failed.
        """
        try:
            return self.entry_point.load()
        except Exception as exc:
            place = f"{self.entry_point.group}: {self.entry_point.name} = {self.entry_point.value}"
            raise ConfigError(
                f"plugin {place!r} of package {self.package!r} cannot be imported:"
                f" {type(exc).__name__}: {exc}"
            ) from exc


@cache
def found(group: str) -> tuple[Plugin, ...]:
    """List the entry points of a group, by name; read once a process."""
    return tuple(
        Plugin(point.dist.name if point.dist else "unknown", point)
        for point in sorted(_entry_points().select(group=group), key=lambda point: point.name)
    )


@cache
def _entry_points() -> Any:
    """Read the entry points of all installed packages: once a process, as it takes a while."""
    from importlib.metadata import entry_points

    return entry_points()
