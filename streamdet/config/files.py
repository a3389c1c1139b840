"""Where shipped YAML files lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamdet.config.suggestions import closest, nearest
from streamdet.errors import ConfigError
from streamdet.system.redaction import short

_PACKAGE = Path(__file__).parent.parent
_LISTED_BY: Final = {"configs/models": "streamdet models list"}
"""Folders with too many names for a sentence -> the command that lists them."""


def shipped(folder: str, package: Path = _PACKAGE) -> Path:
    """Find a folder of shipped files.

    Args:
        folder: relative, with slashes: "pipelines", "configs/models", "configs/deploy".
        package: where streamdet is installed.

    Raises:
        ConfigError: this installation lacks it.
    """
    checkout = package.parent
    root = checkout if (checkout / "pyproject.toml").is_file() else package / "_data"
    if not (root / folder).is_dir():
        raise ConfigError(f"this installation of streamdet lacks its folder {root / folder}")
    return root / folder


def shipped_names(folder: str) -> list[str]:
    """Name the YAML files of a shipped folder, without suffix, sorted."""
    return sorted(path.stem for path in shipped(folder).glob("*.yaml"))


def find_config(name: str, folder: str) -> Path:
    """Find a YAML file by a shipped file's name, or by its own path (which ends in .yaml or .yml).

    Args:
        name: "yolox_nano", or "my/own.yaml".
        folder: the shipped folder that holds the names, see `shipped`.

    Raises:
        ConfigError: there is no such file; the text names the nearest, and says which there are.
    """
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise ConfigError(f"{short(name)}: there is no such file")
        return Path(name)
    names = shipped_names(folder)
    if name not in names:
        close = closest(name, names)
        hint = f"did you mean {close!r}? " if close else ""
        command = _LISTED_BY.get(folder)
        known = f"a name that {command} shows" if command else f"one of {', '.join(names)}"
        raise ConfigError(
            f"{short(name)!r} is none of {folder}: {hint}wanted {known},"
            " or the path of a .yaml file"
        )
    return shipped(folder) / f"{name}.yaml"


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
