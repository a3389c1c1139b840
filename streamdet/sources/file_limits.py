"""What this process may read as files, and how much of it: a worker confines itself at its start.

Like the limits of the kernel, these belong to the process, so that whatever opens a file in it, a
source of another package too, is held to them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from streamdet.config.source_settings import SourceSettings
from streamdet.errors import SourceError
from streamdet.sources.bounded_file import BoundedFile

if TYPE_CHECKING:
    from av.container import InputContainer


@dataclass(slots=True)
class _Confined:
    settings: SourceSettings


_this_process = _Confined(SourceSettings())


def confine(settings: SourceSettings) -> None:
    """Hold this process to a machine's settings from now on."""
    _this_process.settings = settings


def refuse_outside(descriptor: int, path: object) -> None:
    """Refuse an open file that does not lie, after all links, in a folder that is allowed.

    Raises:
        SourceError: it does not.
    """
    roots = _this_process.settings.allowed_roots
    if roots and not is_below(Path(f"/proc/self/fd/{descriptor}").readlink(), roots):
        raise SourceError(f"{path}: does not lie in a folder of allowed_roots in the deploy file")


def is_below(real: Path, roots: Sequence[str]) -> bool:
    """Whether a path without links lies in one of the folders."""
    return any(real.is_relative_to(os.path.realpath(Path(root).expanduser())) for root in roots)


def probe_bytes() -> int:
    """How much of a file is read at most to find out what it is."""
    return _this_process.settings.probe_bytes


def refuse_long_beginning(file: BoundedFile, path: object) -> None:
    """Refuse a file of which too much was read to find out what it is.

    Raises:
        SourceError: it was.
    """
    if file.is_over:
        most = _this_process.settings.probe_bytes
        raise SourceError(f"{path}: what it is does not show in probe_bytes, {most}")


def refuse_streams(container: InputContainer, path: object) -> None:
    """Refuse a file of too many streams.

    Raises:
        SourceError: it has more than are allowed.
    """
    count, most = len(container.streams), _this_process.settings.max_streams
    if count > most:
        raise SourceError(f"{path}: has {count} streams, more than max_streams, {most}")


def refuse_duration(seconds: float, path: object) -> None:
    """Refuse a video that is too long, by its header or as it is read.

    Raises:
        SourceError: it is.
    """
    most = _this_process.settings.max_duration_s
    if most is not None and seconds > most:
        raise SourceError(f"{path}: is longer than max_duration_s in the deploy file, {most:g} s")
