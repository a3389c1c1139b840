"""The kinds of events that an option of a sink names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from streamdet.config.suggestions import closest
from streamdet.events import KINDS


def _checked(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is nearly a kind of event; a plugin may have kinds of its own."""
    for kind in kinds:
        if kind not in KINDS and (meant := closest(kind, KINDS)):
            raise ValueError(f"names {kind!r}, which is no kind of event; did you mean {meant!r}?")
    return kinds


EventKinds = Annotated[tuple[str, ...], AfterValidator(_checked)]
