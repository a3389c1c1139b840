"""How far a command is through a list: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import track

from streamdet.commands.progress_view import PLAIN_EVERY_S

Item = TypeVar("Item")


def progress_through(items: Sequence[Item], what: str, stream: TextIO) -> Iterator[Item]:
    """Yield the items and show how many are done.

    Args:
        items: what is worked on.
        what: their name, in the plural.
        stream: where it is shown.
    """
    if stream.isatty():
        yield from track(items, what, console=Console(file=stream), transient=True)
        return
    due_s = time.monotonic() + PLAIN_EVERY_S
    for done, item in enumerate(items):
        if time.monotonic() >= due_s:
            due_s += PLAIN_EVERY_S
            print(f"{done}/{len(items)} {what}", file=stream, flush=True)
        yield item
