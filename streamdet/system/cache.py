"""The user's cache folder, or a temporary one where there is none that can be written to."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def cache_places() -> list[Path]:
    """The folders that may hold something of ours, the one that is written to last.

    That is `XDG_CACHE_HOME`'s or `~/.cache`'s, as long as it can be written to: in a container
    there may be no home folder, or one of somebody else. Then it is a temporary one of this user.
    """
    home = _home()
    known = [] if home is None else [home]
    if home is not None and _can_be_written(home):
        return known
    temporary = _temporary()
    return [*known, *([] if temporary is None else [temporary])]


def cache_warning() -> str:
    """Say, in a sentence, that the cache is a temporary one and why; "" if it is not."""
    home, places = _home(), cache_places()
    if home is not None and _can_be_written(home):
        return ""
    why = "there is no home folder" if home is None else f"{home} cannot be written to"
    where = "nowhere" if places[-1:] in ([], [home]) else f"in {places[-1]}"
    return f"{why}: what is measured or built is kept {where}; set XDG_CACHE_HOME"


def _home() -> Path | None:
    if stated := os.environ.get("XDG_CACHE_HOME"):
        return Path(stated) / "streamdet"
    with suppress(RuntimeError):  # no HOME, and no entry in passwd
        if Path.home().is_dir():  # else it is a name only, such as /nonexistent
            return Path.home() / ".cache" / "streamdet"
    return None


def _can_be_written(folder: Path) -> bool:
    """Whether a folder is there and may be written to, or can be made."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _temporary() -> Path | None:
    """A private folder that outlives the run; None if somebody else has taken its name."""
    with suppress(OSError):
        folder = Path(tempfile.gettempdir()) / f"streamdet-{os.getuid()}-cache"
        folder.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_symlink() and folder.stat().st_uid == os.getuid():
            return folder
    return None
