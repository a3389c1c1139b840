"""Which files an archive is made of: files, folders, globs, and lists of paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError, EngineError, SourceError
from streamdet.sources.media_file import MediaPlace, media_place, object_facts
from streamdet.sources.resolve import resolve
from streamdet.stores.address import StoreAddress, is_store_address, parse_store_address
from streamdet.stores.store import is_store_out
from streamdet.system.text_file import read_text

LIST_SUFFIX: Final = ".txt"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells whether a file is still the one that was read.

    Attributes:
        size: bytes.
        mtime_ns: last change, nanoseconds since the epoch; of an object in a store, a number that
            changes with it, made from its ETag.
    """

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, place: MediaPlace) -> Identity:
        """Look at a file or an object.

        Raises:
            SourceError: it does not exist or cannot be looked at.
        """
        if isinstance(place, StoreAddress):
            facts = object_facts(place)
            return cls(facts.size, facts.stamp)
        try:
            found = place.stat()
        except OSError as exc:
            raise SourceError(f"{place}: cannot be opened ({exc.strerror})") from exc
        return cls(found.st_size, found.st_mtime_ns)

    def is_of(self, place: MediaPlace) -> bool:
        """Whether a file is there, and still this one.

        Raises:
            EngineError: the store that it lies in cannot be used.
        """
        try:
            return Identity.of(place) == self
        except SourceError as exc:
            if is_store_out(str(exc)):
                raise EngineError(str(exc)) from exc
            return False


def list_files(sources: Iterable[str]) -> list[MediaPlace]:
    """List the files of all --source, each once, in order.

    Raises:
        ConfigError: a source does not exist, holds no video, or is no file, folder, glob or list.
    """
    return list(dict.fromkeys(path for source in sources for path in _files(source)))


def _files(source: str) -> Iterator[MediaPlace]:
    if source.lower().endswith(LIST_SUFFIX) and Path(source).is_file():
        yield from _listed(Path(source))
        return
    try:
        kind, items = resolve(source)
    except ConfigError as exc:
        raise ConfigError(f"--source {exc}") from exc
    if kind != "file":
        what = {"images": "images only", "live": "a camera", "synthetic": "a rendered scene"}
        raise ConfigError(
            f"--source {source}: an archive is made of video files, this is {what.get(kind, kind)}:"
            " use `streamdet run`"
        )
    yield from (media_place(item.uri) for item in items)


def _listed(list_file: Path) -> Iterator[MediaPlace]:
    """Read a list: a path or an address in a store a line; # begins a comment.

    Paths that are relative begin at the list's folder.

    A file that does not exist is listed all the same: the report says so.
    """
    lines = (line.strip() for line in read_text(list_file).splitlines())
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise ConfigError(f"--source {list_file}: names no file, wanted a path a line")
    folder = list_file.absolute().parent
    for name in names:
        yield parse_store_address(name) if is_store_address(name) else folder / name
