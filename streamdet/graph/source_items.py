"""What a source node reads: the items of its `uri`, or its `cameras`, each with its own options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from streamdet.config.options import Options
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import KeyPath, YamlText
from streamdet.errors import ConfigError, legible
from streamdet.graph.camera_files import WANTED
from streamdet.graph.draft import NODE_KEYS, DraftNode
from streamdet.graph.problems import Problems
from streamdet.registry import load
from streamdet.sources.resolve import SourceItem, camera_address, resolve
from streamdet.sources.sampling import RULES
from streamdet.system.redaction import short

WHAT_IT_READS: Final = ("uri", "cameras")

CAMERA_NAME: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
    "maxLength": 64,
}
"""Names of cameras: they are source ids, and become Redis keys and parts of file names."""

MOST_CAMERAS: Final = 256
"""Of one source node: each is a process. Their images share the slots, see transport/turns.py."""


def build_source(
    draft: DraftNode, text: YamlText, problems: Problems, taken: Mapping[str, str]
) -> tuple[str, tuple[SourceItem, ...], Options]:
    """Find what a source reads.

    Args:
        draft: the node.
        text: the graph.
        problems: gets what is wrong with a camera; the others are still looked at.
        taken: source id -> node, of the sources before it.

    Returns:
        Kind, items and the node's options.

    Raises:
        ConfigError: it cannot be a source.
    """
    builder = _SourceBuilder(draft, text, problems, taken)
    return builder.of_cameras() if "cameras" in draft.options else builder.of_uri()


def too_many(cameras: int) -> str:
    """Say that a source node cannot have so many cameras."""
    return f"must be at most {MOST_CAMERAS} cameras, got {cameras}: each is a process"


class _SourceBuilder:
    def __init__(
        self, draft: DraftNode, text: YamlText, problems: Problems, taken: Mapping[str, str]
    ) -> None:
        self._draft = draft
        self._text = text
        self._problems = problems
        self._error = problems.error
        self._taken = taken
        self._values = {k: v for k, v in draft.options.items() if k not in WHAT_IT_READS}

    def of_uri(self) -> tuple[str, tuple[SourceItem, ...], Options]:
        path = (*self._draft.path, "uri")
        why = "a source must say what it reads, by `uri` or `cameras`"
        uri = self._problems.text_at(path, self._draft.options, why)
        try:
            kind, items = resolve(uri, taken=self._taken)
        except ConfigError as exc:
            raise self._not_a_source(path, uri, exc) from exc
        return kind, items, self._options(kind, "this uri")

    def of_cameras(self) -> tuple[str, tuple[SourceItem, ...], Options]:
        path = (*self._draft.path, "cameras")
        cameras = self._draft.options["cameras"]
        if self._draft.options.get("uri") is not None:
            uri = (*self._draft.path, "uri")
            raise self._error(uri, "must not stand beside `cameras`: state one of them")
        if not isinstance(cameras, dict) or not cameras:
            raise self._error(path, f"{WANTED}, got {self._text.shown(path, cameras)}")
        if len(cameras) > MOST_CAMERAS:
            raise self._error(path, f"{too_many(len(cameras))}; state the others in another node")
        options = self._options("live", "cameras")
        items = []
        for name, camera in cameras.items():
            with self._problems.collected():
                items.append(self._camera((*path, name), name, camera))
        return "live", tuple(items), options

    def _camera(self, path: KeyPath, name: str, camera: object) -> SourceItem:
        self._check_name(path, name)
        if not isinstance(camera, dict):
            shown = self._text.shown(path, camera)
            raise self._error(path, f"must be an address, or keys such as `uri`, got {shown}")
        options = self._camera_options(path, camera)
        uri = self._problems.text_at((*path, "uri"), camera, "a camera must say where it is")
        try:
            return SourceItem(name, camera_address(uri), options)
        except ConfigError as exc:
            raise self._not_a_source((*path, "uri"), uri, exc) from exc

    def _camera_options(self, path: KeyPath, camera: Mapping[str, object]) -> Options:
        own = {key: value for key, value in camera.items() if key != "uri"}
        without = RULES if own.keys() & set(RULES) else ()
        values = {key: value for key, value in self._values.items() if key not in without} | own
        model: type[Options] = load("source", "live").Options
        return checked(model, self._text, path, values, also=["uri"])

    def _check_name(self, path: KeyPath, name: str) -> None:
        if len(name) > CAMERA_NAME["maxLength"] or not re.fullmatch(CAMERA_NAME["pattern"], name):
            raise self._error(
                path,
                f"must be named by at most {CAMERA_NAME['maxLength']} letters, digits, '.', '_' and"
                f" '-', no '.' first, got {short(name)!r}",
            )
        if other := self._taken.get(name):
            raise self._error(path, f"must have a name of its own: {other} has a camera {name!r}")

    def _not_a_source(self, path: KeyPath, uri: str, exc: ConfigError) -> ConfigError:
        problem = str(exc).replace(legible(uri), short(legible(uri)))
        return self._error(path, f"is not a source: {problem}")

    def _options(self, kind: str, what: str) -> Options:
        if self._draft.kind not in {"source", kind}:
            raise self._error(
                (*self._draft.path, "kind"),
                f"must be {kind} (or source) for {what}, got {self._draft.kind}",
            )
        model: type[Options] = load("source", kind).Options
        general = [*NODE_KEYS, *WHAT_IT_READS]
        return checked(model, self._text, self._draft.path, self._values, also=general)
