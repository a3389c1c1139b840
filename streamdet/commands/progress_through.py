"""How far a command is through a list: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TextIO, TypeVar

from rich.console import Console
from rich.progress import track

from streamdet.commands.progress_view import PLAIN_EVERY_S

Item = TypeVar("Item")


def progress_through(
    items: Iterable[Item], what: str, stream: TextIO, total: int | None = None
) -> Iterator[Item]:
    """Yield the items and show how many are done.

    Args:
        items: what is worked on.
        what: their name, in the plural.
        stream: where it is shown.
        total: how many there are, where the items do not know it.
    """
    total = len(items) if isinstance(items, Sized) else total
    if stream.isatty():
        yield from track(items, what, total, console=Console(file=stream), transient=True)
        return
    of_all = "" if total is None else f"/{total}"
    due_s = time.monotonic() + PLAIN_EVERY_S
    for done, item in enumerate(items):
        if time.monotonic() >= due_s:
            due_s += PLAIN_EVERY_S
            print(f"{done}{of_all} {what}", file=stream, flush=True)
        yield item
