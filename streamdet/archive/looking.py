"""Looks at files of an archive, several at once: have they changed, where can they be cut."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.archive.listing import Identity
from streamdet.errors import EngineError, SourceError
from streamdet.sources.keyframes import VideoFacts
from streamdet.sources.media_file import MediaPlace
from streamdet.stores.store import is_store_out
from streamdet.system.cores import cores

_OBJECTS_AT_ONCE: Final = 16
"""A store answers many as soon as one."""

UNKNOWN: Final = VideoFacts(None, None, None)


@dataclass(frozen=True, slots=True)
class Look:
    """What a file looks like.

    Attributes:
        identity: its own; None where it is not there.
        facts: of its video; None where they are known, since it has not changed.
        error: why it cannot be read; "" where it can.
    """

    identity: Identity | None
    facts: VideoFacts | None = None
    error: str = ""


def looks_at(
    paths: Sequence[MediaPlace],
    known: Callable[[MediaPlace], Identity | None],
    read: Callable[[MediaPlace], VideoFacts],
) -> Generator[Look, None, None]:
    """Look at files, in their order.

    Args:
        paths: the files.
        known: as what they are known already, if they need not be read again.
        read: reads what else there is to know.

    Raises:
        EngineError: a store cannot be used: no file is to blame.
    """
    is_local = all(isinstance(path, Path) for path in paths)
    with ThreadPoolExecutor(cores() if is_local else _OBJECTS_AT_ONCE) as pool:
        for look in pool.map(lambda path: _look(path, known(path), read), paths):
            if is_store_out(look.error):
                pool.shutdown(wait=False, cancel_futures=True)
                raise EngineError(look.error)
            yield look


def _look(
    path: MediaPlace, known: Identity | None, read: Callable[[MediaPlace], VideoFacts]
) -> Look:
    try:
        identity = Identity.of(path)
    except SourceError as exc:
        return Look(None, None, str(exc))
    if identity == known:
        return Look(identity)
    try:
        return Look(identity, read(path))
    except SourceError as exc:
        return Look(identity, UNKNOWN, str(exc))
