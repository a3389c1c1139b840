"""Zones and lines, edited in the file of the run's graph; comments and order stay as they are."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from streamdet.config.files import shipped
from streamdet.errors import ConfigError, StreamdetError
from streamdet.graph import PipelineGraph
from streamdet.graph.pipeline import Node
from streamdet.run.change_plan import ChangePlan
from streamdet.run.control import RunControl
from streamdet.system.atomic_file import replaced_whole

POINTS: Final = {"zones": "polygon", "lines": "line"}
"""Kind of a node of places -> the key of a place's corners. The places stand under the kind."""
Edit = Callable[[CommentedMap], None]


def place_nodes(graph: PipelineGraph) -> list[Node]:
    """List the nodes whose places can be drawn."""
    return [node for node in graph.nodes_of_role("analytics") if node.kind in POINTS]


def described(node: Node) -> dict[str, Any]:
    """Say what places a node has: name -> points [[x, y], ...] and source ids (None: all)."""
    places = getattr(node.options, node.kind)
    return {
        "node": node.name,
        "kind": node.kind,
        "places": {
            name: {
                "points": getattr(place, POINTS[node.kind]),
                "sources": list(place.sources) or None,
            }
            for name, place in places.items()
        },
    }


def set_place(name: str, values: dict[str, Any]) -> Edit:
    """Return the edit that adds a place, or changes these values of it."""

    def edit(places: CommentedMap) -> None:
        place = places.setdefault(name, CommentedMap())
        for key, value in values.items():
            place[key] = _flow(value)

    return edit


def remove_place(node: Node, name: str) -> Edit:
    """Return the edit that removes a place.

    Raises:
        ConfigError: the node has none of that name, or no other.
    """
    places = getattr(node.options, node.kind)
    if name not in places:
        raise ConfigError(f"{node.name} has no place {name!r}")
    if len(places) == 1:
        raise ConfigError(f"{name} is the only place of {node.name}, which must have one")

    def edit(places: CommentedMap) -> None:
        places.pop(name, None)

    return edit


class GraphText:
    """The file of a run's graph.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def check(self) -> None:
        """Check that the file is the user's own and can be written.

        Raises:
            ConfigError: it is not.
        """
        if self._path.is_relative_to(shipped("pipelines").resolve()):
            raise ConfigError(
                f"{self._path.name} comes with streamdet: copy it, and serve the copy, to edit it"
            )
        if not os.access(self._path, os.W_OK) or not os.access(self._path.parent, os.W_OK):
            raise ConfigError(f"{self._path} cannot be written")

    def plan(self, control: RunControl, node: Node, edit: Edit) -> ChangePlan:
        """Say what an edit would do to the run; changes nothing.

        Raises:
            StreamdetError: the edited graph is refused, or the run does not answer.
        """
        with self._trial(self._edited(node, edit)) as trial:
            try:
                return control.plan(str(trial))
            except ConfigError as exc:
                raise ConfigError(str(exc).replace(str(trial), self._path.name)) from exc

    def apply(self, control: RunControl, node: Node, edit: Edit) -> ChangePlan:
        """Write an edit into the file, and apply it to the run; both, or neither.

        Raises:
            StreamdetError: the edited graph is refused, or the run does not answer.
        """
        before = self._read()
        self._write(self._edited(node, edit))
        try:
            return control.apply(str(self._path))
        except StreamdetError:
            self._write(before)
            raise

    def _edited(self, node: Node, edit: Edit) -> str:
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = 4096
        try:
            tree = places = yaml.load(self._read())
        except YAMLError as exc:
            raise ConfigError(f"{self._path.name} is no valid YAML any more: {exc}") from exc
        for key in ("nodes", node.name, node.kind):
            places = places.get(key) if isinstance(places, CommentedMap) else None
        if not isinstance(places, CommentedMap):
            raise ConfigError(f"{self._path.name}: {node.name}.{node.kind} is not written there")
        edit(places)
        text = io.StringIO()
        yaml.dump(tree, text)
        return text.getvalue()

    def _read(self) -> str:
        try:
            return self._path.read_text()
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{self._path.name} cannot be read: {exc}") from exc

    def _write(self, text: str) -> None:
        with replaced_whole(self._path) as part:
            part.write_text(text)

    @contextmanager
    def _trial(self, text: str) -> Iterator[Path]:
        """Lay a text beside the file for a while: relative paths in it lead where they did."""
        beside, name = self._path.parent, f".{self._path.stem}-"
        with NamedTemporaryFile("w", dir=beside, prefix=name, suffix="-trial.yaml") as file:
            file.write(text)
            file.flush()
            yield Path(file.name)


def _flow(value: Any) -> Any:
    """Have lists written in one line: [[0.1, 0.5], [0.9, 0.5]]."""
    if not isinstance(value, list | tuple):
        return value
    sequence = CommentedSeq([_flow(each) for each in value])
    sequence.fa.set_flow_style()
    return sequence
