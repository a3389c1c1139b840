"""JSON files of results and of ground truth: read whole, checked value by value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import short
from streamdet.system.text_file import read_text

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")


def read_json(path: Path) -> Any:
    """Read a file.

    Raises:
        ConfigError: it cannot be read or is not JSON; names file and line.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as exc:
        raise ConfigError(f"{path}:{exc.lineno}: is not JSON: {exc.msg}") from exc
    except RecursionError as exc:
        raise ConfigError(f"{path}: is nested too deeply for JSON of this kind") from exc


def wanted_list(value: Any, place: str) -> list[dict[str, Any]]:
    """Check for a list of objects.

    Raises:
        ConfigError: it is none.
    """
    if not isinstance(value, list):
        raise ConfigError(f"{place}: must be a list, got {_shown(value)}")
    for number, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise ConfigError(f"{place}[{number}]: must be keys and values, got {_shown(entry)}")
    return value


def wanted_whole(entry: dict[str, Any], key: str, place: str) -> int:
    """Check for a whole number, also written as 3.0 or "3", as table libraries do.

    Raises:
        ConfigError: it is missing, or something else.
    """
    if (value := whole(entry.get(key))) is None:
        raise ConfigError(f"{place}.{key}: must be a whole number, got {_shown(entry.get(key))}")
    return value


def whole(value: Any) -> int | None:
    """Read a whole number, also one written as 3.0 or "3"; None where it is none."""
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        return None
    return int(value)


def wanted_text(entry: dict[str, Any], key: str, place: str) -> str:
    """Check for a text.

    Raises:
        ConfigError: it is missing, or something else.
    """
    value = entry.get(key)
    if not isinstance(value, str):
        raise ConfigError(f"{place}.{key}: must be text, got {_shown(value)}")
    return value


def wanted_number(entry: dict[str, Any], key: str, place: str) -> float:
    """Check for a finite number.

    Raises:
        ConfigError: it is missing, or something else.
    """
    if not _is_finite(entry.get(key)):
        raise ConfigError(f"{place}.{key}: must be a finite number, got {_shown(entry.get(key))}")
    return float(entry[key])


def wanted_numbers(entry: dict[str, Any], key: str, place: str, count: int) -> tuple[float, ...]:
    """Check for a list of `count` finite numbers.

    Raises:
        ConfigError: it is missing, or something else.
    """
    value = entry.get(key)
    if not isinstance(value, list) or len(value) != count or not all(map(_is_finite, value)):
        raise ConfigError(f"{place}.{key}: must be {count} finite numbers, got {_shown(value)}")
    return tuple(map(float, value))


def wanted_box(entry: dict[str, Any], place: str) -> tuple[float, float, float, float]:
    """Check for `bbox`: left, top, width and height, neither of these negative.

    Raises:
        ConfigError: it is missing, or something else.
    """
    left, top, width, height = wanted_numbers(entry, "bbox", place, 4)
    if width < 0 or height < 0:
        raise ConfigError(
            f"{place}.bbox: wanted [left, top, width, height] with width and height of 0 or more,"
            f" got {_shown(entry['bbox'])}"
        )
    return left, top, width, height


def _is_finite(value: Any) -> bool:
    # Not math.isfinite: JSON has whole numbers that no float holds.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _shown(value: Any) -> str:
    return "nothing" if value is None else short(json.dumps(value))
