"""Which of the known names somebody meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

_LEAST_ALIKE: Final = 0.75
"""A slip of the keyboard is above it (peple, people: 0.91); another thing is below it (yolov8n,
yolo_v1: 0.71)."""
_LEAST_BEGUN: Final = 3
"""Letters; hog is hog_svm."""


def closest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that was probably meant; None where none is close.

    Meant is what is spelt nearly alike (in small letters or large), of the same letters (rbg, rgb),
    or what alone begins so.
    """
    names = sorted(valid)
    if same := [other for other in names if other.casefold() == name.casefold()]:
        return same[0]
    if close := get_close_matches(name, names, 1, _LEAST_ALIKE):
        return close[0]
    turned = [other for other in names if sorted(other) == sorted(name)]
    if close := get_close_matches(name, turned, 1, 0.0):
        return close[0]
    begun = [other for other in names if len(name) >= _LEAST_BEGUN and other.startswith(name)]
    return begun[0] if len(begun) == 1 else None


def listed(names: Sequence[str], most: int = 5) -> str:
    """Write the first names of a list, and ... where there are more."""
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which valid name was probably meant, or which there are."""
    names = sorted(valid)
    if (close := closest(name, names)) is not None:
        return f"did you mean {close!r}?"
    return f"there is {', '.join(names)}" if names else "there is none"
