"""Moments as people type them, in their own time zone."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import date, datetime, time, timedelta
from typing import Final

FORMS: Final = "2026-11-29T10:00, 2026-11-29, 10:00 (today) or -2h (m, h, d, w)"
_AGO: Final = re.compile(r"-(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK: Final = re.compile(r"\d{1,2}:\d\d(:\d\d)?")


def begin(text: str) -> datetime:
    """Read a moment; of a day its beginning. One without a time zone is in this machine's.

    Raises:
        ArgumentTypeError: it is none.
    """
    return _moment(text, datetime.now().astimezone())


def end(text: str) -> datetime:
    """Read a moment; of a day its end.

    Raises:
        ArgumentTypeError: it is none.
    """
    moment = begin(text)
    return _local(datetime.combine(moment + timedelta(days=1), time())) if _is_day(text) else moment


def _moment(text: str, now: datetime) -> datetime:
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if _CLOCK.fullmatch(text):
            clock = time.fromisoformat(text.rjust(8 if text.count(":") == 2 else 5, "0"))
            return _local(datetime.combine(now, clock))
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else _local(moment)
    except (ValueError, OverflowError) as exc:
        raise ArgumentTypeError(f"must be a time such as {FORMS}, got {text!r}") from exc


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _local(moment: datetime) -> datetime:
    """Put a moment without a time zone into this machine's."""
    return moment.astimezone()
