"""`cameras` of a source, written out: files of cameras, and addresses that stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from streamdet.config.yaml_loader import KeyPath, YamlText, read_yaml
from streamdet.graph.problems import Problems
from streamdet.registry import names
from streamdet.sources.resolve import names_camera
from streamdet.system.redaction import short

WANTED: Final = "must be camera names with their addresses, or the path of a YAML file of them"


def spread_cameras(text: YamlText, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Put in a file's cameras in place of its path, and `{uri: ADDRESS}` in place of an address.

    Args:
        text: a graph, which is changed.
        environ: where `${NAME}` in such files is looked up.

    Returns:
        The files.

    Raises:
        ConfigError: one cannot be read.
    """
    files = []
    for name, node in text.values["nodes"].items():
        path = ("nodes", name, "cameras")
        if node.get("kind") not in ["source", *names("source")]:
            continue
        if isinstance(node.get("cameras"), str):
            files.append(_file(text, path))
            node["cameras"] = _included(text, path, files[-1], environ)
        if isinstance(node.get("cameras"), dict):
            _spread_addresses(text, path, node["cameras"])
    return tuple(files)


def _file(text: YamlText, path: KeyPath) -> Path:
    stated = text.texts[path]
    if names_camera(stated):
        raise Problems(text).error(path, f"{WANTED}, got an address: `uri` takes that of one")
    # What stands in the graph starts from its folder, what was typed from the current one.
    start = Path() if text.place(path).startswith("--set ") else Path(text.name).parent
    try:
        file = start / Path(stated).expanduser()
        problem = "" if file.is_file() else "is no file" if file.exists() else "does not exist"
    except (OSError, RuntimeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "there is no such home folder"
        raise Problems(text).error(path, f"{WANTED}: {short(stated)}: {why}") from exc
    if problem:
        raise Problems(text).error(path, f"{WANTED}: {short(str(file))} {problem}")
    return file


def _included(text: YamlText, path: KeyPath, file: Path, environ: Mapping[str, str]) -> Any:
    included = read_yaml(file, environ)
    text.include(path, included)
    return included.values


def _spread_addresses(text: YamlText, path: KeyPath, cameras: dict[str, Any]) -> None:
    for name, value in cameras.items():
        camera = (*path, name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            cameras[name] = {"uri": value}
            place = text.place(camera)
            text.copy(camera, (*camera, "uri"))
            for known in (text.texts, text.written):
                known.pop(camera, None)
            text.secret.discard(camera)
            text.places[camera] = place
