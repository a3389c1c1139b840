"""Where a file lies that a user names: a path of the user's own, or a shipped file's name."""

from __future__ import annotations

from pathlib import Path

from streamdet.config_files import shipped, shipped_names
from streamdet.errors import ConfigError
from streamdet.field_errors import nearest
from streamdet.url_text import short


def find_own_or_shipped(path: Path, folder: str, noun: str) -> Path:
    """Find a file: the path itself, else the shipped one of that name; no folder hides it.

    Args:
        path: of a file, or the name or path of a shipped one (people, pipelines/people.yaml).
        folder: the shipped folder, see `shipped`.
        noun: what an error calls the file.

    Raises:
        ConfigError: there is neither; the text names the nearest shipped one.
    """
    if path.is_file():
        return path
    names = shipped_names(folder)
    if path.stem in names and path.parent in {Path(), Path(folder)}:
        return shipped(folder) / f"{path.stem}.yaml"
    hint = nearest(path.stem, names)
    raise ConfigError(f"{short(str(path))}: no such file and no shipped {noun}; {hint}")
