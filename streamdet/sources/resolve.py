"""Finds the kind of source and the items that an address stands for.

- A file that is an image is kind "images"; any other file is kind "file", whatever its ending is.
- A folder (not its subfolders) or a glob (`**` goes down) of nothing but images is ONE item of
  kind "images", played in natural order. With anything else among them, every file is an item of
  kind "file": an image between videos is a video of one frame.
- In folders and globs only hidden files, suffixes that are not media (`NOT_MEDIA`) and videos that
  a run has written there are skipped; a file with an unusual suffix or none is tried.
- `s3://BUCKET/KEY`, `gs://`, `az://`: an object, what a glob of keys matches, or what lies in a
  folder, see store_objects.py.
- `synthetic:street?seed=3` is a rendered scene.
- `rtsp://...` and the like, cameras of this machine (0, /dev/video0) and `file:PATH?live=1` are
  live sources, see live_address.py.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from streamdet.config.options import Options
from streamdet.config.suggestions import closest
from streamdet.errors import ConfigError
from streamdet.formats.own_video import is_own_video
from streamdet.sources.live_address import file_address, is_live_address, parse_live
from streamdet.sources.media_names import is_image_name, may_be_media, natural_key
from streamdet.sources.scene_uri import SCHEME, parse_scene
from streamdet.sources.store_objects import list_objects
from streamdet.stores.address import is_store_address
from streamdet.system.redaction import redacted

_CAMERA = re.compile(r"\d{1,3}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One stream of frames of an address.

    Attributes:
        source_id: its name in the run, [A-Za-z0-9._-], at most 64 characters.
        uri: what its source class is constructed with: an absolute path or glob, an address in an
            object store, a scene, or a live address, which may hold a password: repr shows it
            without.
        options: a camera's own; None: those of its node.
        is_stated: whether the graph or the command line has it; else it was added later.
    """

    source_id: str
    uri: str
    options: Options | None = None
    is_stated: bool = True

    def __repr__(self) -> str:
        return f"SourceItem(source_id={self.source_id!r}, uri={redacted(self.uri)!r})"


def resolve(uri: str, *, taken: Collection[str] = ()) -> tuple[str, tuple[SourceItem, ...]]:
    """Find the kind of source and the items of an address.

    Args:
        uri: path of a file or folder, glob, address in an object store, `synthetic:street?...` or
            a live address; `~` is expanded.
        taken: source ids that are in use by other addresses of the run.

    Returns:
        Kind (a name of registry.KINDS["source"]) and at least one item, in natural order of paths.

    Raises:
        ConfigError: it does not exist, is empty, or cannot be a source.
    """
    if is_store_address(uri):
        objects = list_objects(uri)
        return "file", name_items([str(o) for o in objects], [o.stem for o in objects], taken)
    if uri.startswith(SCHEME):
        scene = parse_scene(uri)
        return "synthetic", name_items([uri], [scene.name], taken)
    if names_camera(uri):
        address, name = _live(uri)
        return "live", name_items([address], [name], taken)
    if not uri or "\0" in uri:
        raise ConfigError(f"a source must be a file, a folder, a glob or a scene, got {uri!r}")
    try:
        return _resolve_path(uri, _absolute(uri), taken)
    except OSError as exc:
        raise ConfigError(f"{uri}: cannot be looked up ({exc.strerror})") from exc


def names_camera(uri: str) -> bool:
    """Say whether text is meant as a live source: an address, or the number of a camera here."""
    if is_store_address(uri):
        return False
    return is_live_address(uri) or bool(_CAMERA.fullmatch(uri) and not Path(uri).exists())


def camera_address(uri: str) -> str:
    """Return a live address as its source class is constructed with it.

    Raises:
        ConfigError: it is none, or a wrong one.
    """
    if not names_camera(uri):
        raise ConfigError(
            f"{uri}: wanted the address of a camera, such as rtsp://HOST/PATH; a file is played"
            " like one by file:PATH?live=1"
        )
    return _live(uri)[0]


def camera_ids(uris: Iterable[str]) -> list[str]:
    """Make source ids, all different, of live addresses; a wrong one gets some name, too."""
    known = list(uris)
    return [item.source_id for item in name_items(known, [_camera_stem(uri) for uri in known], ())]


def _camera_stem(uri: str) -> str:
    try:
        return _live(uri)[1]
    except ConfigError:
        return ""


def list_images(uri: str) -> list[Path]:
    """List the images of an item of kind "images".

    Args:
        uri: absolute path or glob, as `resolve` returns it.

    Returns:
        Paths in natural order (`2.png` before `10.png`); empty if they are gone.
    """
    path = Path(uri)
    if path.is_file():
        return [path]
    files = _children(path) if path.is_dir() else _matches(path)
    return [file for file in files if _is_image(file)]


def files_of(kind: str, item: SourceItem) -> list[Path]:
    """List the files on this machine that an item of a kind reads."""
    match kind:
        case "images":
            return list_images(item.uri)
        case "live":
            address = parse_live(item.uri)
            return [Path(address.place)] if address.kind == "file" else []
        case "synthetic":
            return []
        case _:
            return [] if is_store_address(item.uri) else [Path(item.uri)]


def _resolve_path(
    uri: str, path: Path, taken: Collection[str]
) -> tuple[str, tuple[SourceItem, ...]]:
    if path.is_dir():
        return _resolve_many(uri, path, _children(path), taken)
    if path.exists():
        return _resolve_file(uri, path, taken)
    if has_magic(str(path)):
        return _resolve_many(uri, path, _matches(path), taken)
    raise ConfigError(f"{uri}: no such file or folder{_nearest(path)}")


def _live(uri: str) -> tuple[str, str]:
    """Return a live address in full, and a name for it."""
    uri = f"/dev/video{int(uri)}" if _CAMERA.fullmatch(uri) else uri
    address = parse_live(uri)
    if address.kind == "file":
        path = Path(address.place)
        if not path.is_file():
            raise ConfigError(f"{uri}: no such file{_nearest(path)}")
        uri = file_address(path, loop=address.loop)
    return uri, address.name


def _absolute(uri: str) -> Path:
    if (Path.cwd() / uri).exists():  # a file may have the name ~x.mp4
        return Path.cwd() / uri
    try:
        return Path.cwd() / Path(uri).expanduser()
    except RuntimeError as exc:
        raise ConfigError(f"{uri}: there is no such home folder") from exc


def _resolve_file(
    uri: str, path: Path, taken: Collection[str]
) -> tuple[str, tuple[SourceItem, ...]]:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{uri}: is {_describe(mode)}, wanted a plain file, a folder or a glob")
    return "images" if _is_image(path) else "file", name_items([str(path)], [path.stem], taken)


def _resolve_many(
    uri: str, path: Path, files: list[Path], taken: Collection[str]
) -> tuple[str, tuple[SourceItem, ...]]:
    if not files:
        raise ConfigError(f"{uri}: {_why_empty(path)}")
    if all(_is_image(file) for file in files):
        stem = path.name if path.is_dir() else path.parent.name
        return "images", name_items([str(path)], [stem], taken)
    return "file", name_items([str(file) for file in files], [file.stem for file in files], taken)


def _children(folder: Path) -> list[Path]:
    return _media(folder.iterdir())


def _matches(pattern: Path) -> list[Path]:
    matches = glob(str(pattern), recursive=True)  # noqa: PTH207 (Path.glob: no absolute patterns)
    return _media(Path(match) for match in matches)


def _media(paths: Iterable[Path]) -> list[Path]:
    media = (path for path in paths if may_be_media(path.name) and path.is_file())
    return sorted((path for path in media if not is_own_video(path)), key=natural_key)


def _is_image(path: Path) -> bool:
    return is_image_name(path.name)


def name_items(uris: list[str], stems: list[str], taken: Collection[str]) -> tuple[SourceItem, ...]:
    """Give each address a source id of its own, made from its stem.

    Args:
        uris: addresses.
        stems: as many.
        taken: source ids that are in use already.
    """
    used = set(taken)
    items = []
    for uri, stem in zip(uris, stems, strict=True):
        source_id = _unique(_UNSAFE.sub("_", stem)[:_MAX_ID_LENGTH].strip("._") or "source", used)
        used.add(source_id)
        items.append(SourceItem(source_id, uri))
    return tuple(items)


def _unique(name: str, used: set[str]) -> str:
    number, candidate = 1, name
    while candidate in used:
        number += 1
        suffix = f"-{number}"
        candidate = name[: _MAX_ID_LENGTH - len(suffix)] + suffix
    return candidate


def _describe(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe (FIFO)"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _why_empty(path: Path) -> str:
    others = ", other than videos that a run has written: name one itself to read it"
    found = path.iterdir() if path.is_dir() else map(Path, glob(str(path), recursive=True))  # noqa: PTH207
    own = others if any(map(is_own_video, found)) else ""
    if not path.is_dir():
        return f"no video or image matches this glob{own}"
    below = sorted(child.name for child in path.iterdir() if child.is_dir())
    if below:
        return f"no video or image lies in this folder itself, only folders such as {below[0]!r}"
    return f"no video or image lies in this folder{own}"


def _nearest(path: Path) -> str:
    parent = path.parent
    if not parent.is_dir():
        return f", its folder {parent} does not exist either"
    close = closest(path.name, [child.name for child in parent.iterdir()])
    return f"; the nearest name there is {close!r}" if close else ""
