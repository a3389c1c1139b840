"""Ground truth, one file for each format that it comes in."""

from __future__ import annotations

from collections.abc import Callable

from streamdet.errors import ConfigError

OnFault = Callable[[ConfigError], None]
"""Told of each wrong entry, which is left out if it returns."""


def refuse(fault: ConfigError) -> None:
    """End the reading.

    Raises:
        ConfigError: always.
    """
    raise fault
