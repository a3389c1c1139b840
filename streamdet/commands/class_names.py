"""`--classes` of `models add`: names between commas, a text file, or a list that comes with us."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from streamdet.building.recognition import described
from streamdet.config.files import shipped
from streamdet.config.suggestions import closest
from streamdet.errors import ConfigError
from streamdet.system.text_file import read_lines


def class_names(text: str) -> tuple[str, ...]:
    """Read class names, index by index.

    Args:
        text: a,b,c (a comma may end it), a file with a name a line, or a shipped list's name.

    Raises:
        ConfigError: there is no such file, a name is missing or stands twice.
    """
    if (path := _file(text)) is not None:
        lines = enumerate(read_lines(path), start=1)
        return _checked({f"{path}:{n}": line.strip() for n, line in lines if line.strip()}, text)
    if "," not in text and (Path(text).name != text or Path(text).suffix):
        what = "is a folder, wanted a file" if Path(text).is_dir() else "there is no such file"
        raise ConfigError(f"--classes {text}: {what}")
    names = text.removesuffix(",").split(",")
    return _checked({f"--classes, name {n}": name.strip() for n, name in enumerate(names, 1)}, text)


def check_single_name(text: str, network: Path, counts: Mapping[str, int]) -> None:
    """Refuse a lone word that is more likely a mistyped list than the only class's name.

    Args:
        text: what `--classes` says.
        network: the file.
        counts: kind that it may be -> how many classes it has then.

    Raises:
        ConfigError: it is one.
    """
    if "," in text or 1 in counts.values() or _file(text) is not None:
        return
    lists = sorted(entry.stem for entry in shipped("configs/classes").glob("*.txt"))
    close = closest(text, lists)
    raise ConfigError(
        f"--classes: {text!r} is no list: {', '.join(lists)}, a file, or a,b,c"
        f"{f' (did you mean {close!r}?)' if close else ''}; the name of an only class is written"
        f" with a comma: {text},{f' ({network} is {described(counts)})' if counts else ''}"
    )


def _file(text: str) -> Path | None:
    """The file that is meant; None where it is no file (many names are too long for one's name)."""
    with suppress(OSError, ValueError):
        listed = shipped("configs/classes") / f"{text}.txt"
        return next((path for path in (listed, Path(text)) if path.is_file()), None)
    return None


def _checked(named: dict[str, str], text: str) -> tuple[str, ...]:
    """Give the names back, place -> name, if each is there and stands once."""
    if not named:
        raise ConfigError(f"--classes {text}: the file has no names, wanted a name a line")
    places: dict[str, str] = {}
    for place, name in named.items():
        if not name:
            raise ConfigError(f"--classes {text}: a name is missing between two commas")
        if name in places and name != "N/A":  # COCO's unused ids
            raise ConfigError(f"{place}: class {name!r} stands twice, first at {places[name]}")
        places[name] = place
    return tuple(named.values())
