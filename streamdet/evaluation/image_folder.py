"""Which file of a folder a ground truth means by an image's name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from streamdet.config.suggestions import closest
from streamdet.errors import ConfigError
from streamdet.evaluation.name_readings import readings
from streamdet.evaluation.truth import TruthImage
from streamdet.sources.resolve import list_images
from streamdet.system.redaction import short

_MOST_COMPARED: Final = 2000
"""Names that are compared for a hint (0.05 s); a training may miss thousands of images."""

Named = dict[str, list[Path]]
"""Folded name -> the paths that are called so."""


class ImageFolder:
    """Finds images of a folder by the names that a truth gives them."""

    def __init__(self, path: Path) -> None:
        """Look into a folder.

        Raises:
            ConfigError: there is no such folder.
        """
        if not path.is_dir():
            raise ConfigError(f"{path}: there is no such folder of images")
        self._path = path
        self._by_name, self._by_stem = cache(_by_name), cache(_by_stem)

    def find(self, image: TruthImage, truth: str) -> Path:
        """Find an image's file by its name, else by what else the truth calls it.

        The name as it is comes first, then its readings (see `readings`), then names that differ
        from these in case or Unicode form only, then images of the same stem.

        Args:
            image: of the truth.
            truth: the truth's name, for errors.

        Raises:
            ConfigError: there is no such file, or two that are meant equally.
        """
        for each in (image.file_name, *image.other_names):
            if (path := self._find(each)) is not None:
                return path
        name = image.file_name
        raise ConfigError(f"{self._path}: has no image {short(name)} of {truth}{self._hint(name)}")

    def _find(self, name: str) -> Path | None:
        if _is_file(self._path / name):
            return self._path / name
        read = readings(name)
        found = next((path for each in read if _is_file(path := self._path / each)), None)
        return found or self._only(name, self._alike(read)) or self._only(name, self._stems(read))

    def _only(self, name: str, paths: list[Path]) -> Path | None:
        if len(paths) > 1:
            first, second, *_ = (str(path.relative_to(self._path)) for path in sorted(paths))
            raise ConfigError(
                f"{self._path}: {short(name)} may be {first} or {second}; rename one of them, or"
                " give the truth the full name"
            )
        return paths[0] if paths else None

    def _alike(self, read: list[str]) -> list[Path]:
        """List the files that the first fitting name means but for case and Unicode form."""
        for each in map(PurePosixPath, read):
            files = [
                path
                for place in self._below(each.parent)
                for path in self._by_name(place).get(_folded(each.name), ())
                if path.is_file()
            ]
            if files:
                return files
        return []

    def _stems(self, read: list[str]) -> list[Path]:
        """List the images whose stem is the first fitting name, with or without its suffix."""
        for each in map(PurePosixPath, read):
            for stem in (each.name, each.stem):
                images = [
                    path
                    for place in self._below(each.parent)
                    for path in self._by_stem(place).get(_folded(stem), ())
                ]
                if images:
                    return [path for path in images if path.stem == stem] or images
        return []

    def _below(self, folder: PurePosixPath) -> list[Path]:
        """List the folders that a path means but for case and Unicode form."""
        places = [self._path]
        for part in folder.parts:
            places = [
                path
                for place in places
                for path in self._by_name(place).get(_folded(part), ())
                if path.is_dir()
            ]
        return places

    def _hint(self, name: str) -> str:
        wanted = dict.fromkeys(PurePosixPath(each).name for each in reversed(readings(name)))
        for each in wanted:
            if (close := closest(_folded(each), self._names)) is not None:
                return f"; the nearest name there is {str(self._names[close])!r}"
        return ""

    @cached_property
    def _names(self) -> dict[str, Path]:
        """Folded names -> paths of files here and a folder below; none where there are many."""
        files = [path for pattern in ("*/*", "*") for path in self._path.glob(pattern)]
        names = {
            _folded(path.name): path.relative_to(self._path) for path in files if path.is_file()
        }
        return names if len(names) <= _MOST_COMPARED else {}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a signed URL is longer than a name may be
        return False


def _by_name(folder: Path) -> Named:
    try:
        return _grouped((_folded(path.name), path) for path in folder.iterdir())
    except OSError as exc:
        raise ConfigError(f"{folder}: cannot be looked into: {exc.strerror}") from exc


def _by_stem(folder: Path) -> Named:
    images = list_images(str(folder.absolute()))
    return _grouped((_folded(path.stem), folder / path.name) for path in images)


def _grouped(pairs: Iterable[tuple[str, Path]]) -> Named:
    groups: Named = {}
    for key, path in pairs:
        groups.setdefault(key, []).append(path)
    return groups
