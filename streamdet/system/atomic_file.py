"""Files that are going to be written: whether they can be, and which of them are the same file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from streamdet.errors import ConfigError, EngineError

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""One slash is left of two in a Path."""

FileKey = tuple[int, int] | str
"""Tells files apart: device and inode, so that links count as what they lead to; else the path."""


def file_key(path: Path) -> FileKey:
    """Tell a file from all others; one that does not exist yet is told by its real path."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def checked_output(path: str | Path) -> Path:
    """Check that a file can be written, as far as that can be told without touching it.

    Args:
        path: as the user gave it, `~` included. Neither it nor its folder need exist; if it does,
            it is no folder.

    Returns:
        The path with `~` expanded.

    Raises:
        ConfigError: says what is wrong; does not name the path.
    """
    if not str(path) or "\0" in str(path):
        raise ConfigError("that is not a file path")
    if _ADDRESS.match(str(path)):
        raise ConfigError(
            "that is an address, wanted a path on the disk (only `streamdet archive` writes to"
            " object stores)"
        )
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as exc:
        raise ConfigError("there is no such home folder") from exc
    _check_access(Path(os.path.realpath(expanded)))
    return expanded


def checked_folder(path: Path) -> None:
    """Check that files can be made in a folder, which need not exist, without touching it.

    Raises:
        ConfigError: says what is wrong; does not name the path.
    """
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise ConfigError(f"{there} is no folder" if there != path else "it is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError("it cannot be written to (permission denied)")


def check_grows(path: Path) -> None:
    """Check that a path leads to a plain file, or to none yet.

    Raises:
        ConfigError: says what is wrong; does not name the path.
        OSError: it cannot be looked at.
    """
    if path.exists() and not path.is_file():
        raise ConfigError("it is not a plain file")


@contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to; what is there takes the place of `path` when all is written.

    Its folder is made. Of a link, what it leads to is replaced; what is no plain file (/dev/stdout)
    is written itself, and so is a file whose folder takes no other.

    Raises:
        EngineError: its folder cannot be made.
    """
    target = Path(os.path.realpath(path))
    if path.exists() and not (path.is_file() and os.access(target.parent, os.W_OK | os.X_OK)):
        yield path
        return
    part = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise EngineError(f"{path} cannot be written: {exc.strerror}") from exc
    try:
        yield part
        part.replace(target)
    finally:
        with suppress(OSError):  # it has taken its place, or could not be made
            part.unlink()


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `path` that takes its place once it is on the disk, or is removed.

    Whoever is killed meanwhile leaves at `path` what was there before.

    Raises:
        EngineError: it cannot be written there.
    """
    with replaced_whole(path) as part:
        try:
            file = part.open("wb")
        except OSError as exc:
            raise EngineError(f"{path} cannot be written: {exc.strerror}") from exc
        with file:
            yield file
            file.flush()
            if part != path:  # a pipe cannot be synchronised
                os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as `written_whole` does.

    Raises:
        EngineError: it cannot be written there.
    """
    try:
        with written_whole(path) as file:
            file.write(content)
    except OSError as exc:
        raise EngineError(f"{path} cannot be written: {exc.strerror}") from exc


def sync_folder(folder: Path) -> None:
    """Have the names in a folder, such as those of files just renamed, on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_access(path: Path) -> None:
    """Look at the file itself where it exists, else at the folder that something is made in."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise ConfigError("it is a folder, wanted a file")
        may_write = os.access(path, os.W_OK)
    except FileNotFoundError:
        there = next(folder for folder in path.parents if folder.exists())
        may_write = os.access(there, os.W_OK | os.X_OK)
    except OSError as exc:
        raise ConfigError(f"it cannot be written ({(exc.strerror or '').lower()})") from exc
    if not may_write:
        raise ConfigError("it cannot be written (permission denied)")
