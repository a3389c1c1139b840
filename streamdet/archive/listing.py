"""Which files an archive is made of: files, folders, globs, and lists of paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.sources.resolve import resolve
from streamdet.system.text_file import read_text

LIST_SUFFIX: Final = ".txt"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells whether a file is still the one that was read.

    Attributes:
        size: bytes.
        mtime_ns: last change, nanoseconds since the epoch.
    """

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Identity:
        """Look at a file.

        Raises:
            OSError: it cannot be looked at.
        """
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns)

    def is_of(self, path: Path) -> bool:
        """Whether a file is there, and still this one."""
        try:
            return Identity.of(path) == self
        except OSError:
            return False


def list_files(sources: Iterable[str]) -> list[Path]:
    """List the files of all --source, each once, in order.

    Raises:
        ConfigError: a source does not exist, holds no video, or is no file, folder, glob or list.
    """
    return list(dict.fromkeys(path for source in sources for path in _files(source)))


def _files(source: str) -> Iterator[Path]:
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
    yield from (Path(item.uri) for item in items)


def _listed(list_file: Path) -> Iterator[Path]:
    """Read a list: a path a line, relative ones from the list's folder; # begins a comment.

    A file that does not exist is listed all the same: the report says so.
    """
    lines = (line.strip() for line in read_text(list_file).splitlines())
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise ConfigError(f"--source {list_file}: names no file, wanted a path a line")
    yield from (Path(list_file.absolute().parent, name) for name in names)
