"""Where a video lies, on the disk or in an object store, and how it is opened."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import IO, cast

from streamdet.errors import SourceError
from streamdet.sources.safe_open import open_plain_file
from streamdet.stores.address import StoreAddress, is_store_address, parse_store_address
from streamdet.stores.object_file import ObjectFile
from streamdet.stores.store import ObjectFacts, Store, StoreError

MediaPlace = Path | StoreAddress


def media_place(uri: str) -> MediaPlace:
    """Read what `SourceItem.uri` holds.

    Raises:
        ConfigError: it is a wrong address of a store.
    """
    return parse_store_address(uri) if is_store_address(uri) else Path(uri)


def open_media_file(place: MediaPlace) -> IO[bytes]:
    """Open a video for reading, unbuffered.

    Raises:
        SourceError: it does not exist or cannot be read.
    """
    if isinstance(place, Path):
        return open_plain_file(place)
    size = object_facts(place).size
    return cast("IO[bytes]", ObjectFile(partial(_read, Store(place.protocol), place), size))


def object_facts(place: StoreAddress) -> ObjectFacts:
    """Look at an object as it is now.

    Raises:
        SourceError: it does not exist or cannot be looked at.
    """
    try:
        return Store(place.protocol).facts(place)
    except StoreError as exc:
        raise SourceError(str(exc)) from exc


def _read(store: Store, place: StoreAddress, begin: int, end: int) -> bytes:
    try:
        return store.read(place, begin, end)
    except StoreError as exc:
        raise SourceError(str(exc)) from exc
