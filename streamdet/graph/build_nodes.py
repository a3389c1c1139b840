"""Builds nodes from drafts: chooses kinds, checks options, finds sources and models."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import yaml

from streamdet.config.options import Options
from streamdet.config.suggestions import closest
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.parts.built_in import check_built_in
from streamdet.detectors.parts.options import DetectorOptions, check_options, sized_by
from streamdet.errors import ConfigError
from streamdet.graph.draft import NODE_KEYS, DraftNode
from streamdet.graph.pipeline import Node, in_order
from streamdet.graph.problems import Problems
from streamdet.graph.source_items import build_source
from streamdet.graph.topology import is_on_crops
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.registry import load, package_of
from streamdet.system.cores import cores

_OF_THE_MODEL: Final = "; `kind: transform` takes it, and all else, from the model"


def build_nodes(
    drafts: Mapping[str, DraftNode], text: YamlText, problems: Problems
) -> dict[str, Node]:
    """Build every node, in topological order; one with an error is reported and left out."""
    builder = _Builder(drafts, text, problems)
    for draft in sorted(drafts.values(), key=_when_chosen):
        if builder.can_choose(draft):
            with problems.collected():
                builder.nodes[draft.name] = builder.build(draft)
    order = in_order({name: draft.reads for name, draft in drafts.items()})
    return {name: builder.nodes[name] for name in order if name in builder.nodes}


def _when_chosen(draft: DraftNode) -> int:
    """Transforms come last: theirs is what the models of the detectors behind them want.

    Cameras come first: they have names of their own, those of other sources give way.
    """
    return 2 if draft.role == "transform" else 0 if "cameras" in draft.options else 1


class _Builder:
    def __init__(self, drafts: Mapping[str, DraftNode], text: YamlText, problems: Problems) -> None:
        self.nodes: dict[str, Node] = {}
        self._drafts = drafts
        self._text = text
        self._problems = problems
        self._error = problems.error
        self._source_ids: dict[str, str] = {}

    def can_choose(self, draft: DraftNode) -> bool:
        """Whether a transform's detectors were built; if not, the reason was reported."""
        return draft.kind != "transform" or bool(self._wanted(draft))

    def build(self, draft: DraftNode) -> Node:
        match draft.role:
            case "source":
                return self._source(draft)
            case "transform":
                return self._transform(draft)
            case "detector":
                return self._detector(draft)
            case _:
                options = self._options(draft, draft.kind, draft.options)
                return _node(draft, draft.kind, self._from_home(draft, options))

    def _source(self, draft: DraftNode) -> Node:
        kind, items, options = build_source(draft, self._text, self._problems, self._source_ids)
        self._source_ids |= {item.source_id: draft.name for item in items}
        return _node(draft, kind, options, items=items)

    def _detector(self, draft: DraftNode) -> Node:
        kind = draft.kind
        if kind == "detector":
            why = "the model says which detector it is for"
            name = self._problems.text_at((*draft.path, "model"), draft.options, why)
            kind = self._model(draft, name).detector
        options = self._options(draft, kind, draft.options)
        model = self._model(draft, options.model)
        if model.detector != kind:
            raise self._error(
                (*draft.path, "model"),
                f"must be made for {kind}, got {model.name!r}, which is made for {model.detector}",
            )
        try:
            check_options(options, model)
        except ConfigError as exc:
            problem = f"asks for a class that the model lacks: {str(exc).removeprefix('classes: ')}"
            raise self._error(
                (*draft.path, "classes"), f"{problem}; {_other_classes(draft.name, options, model)}"
            ) from exc
        try:
            model = sized_by(options, model)
        except ConfigError as exc:
            problem = str(exc).removeprefix("input ")
            raise self._error((*draft.path, "input"), problem) from exc
        try:
            check_built_in(options, model)
        except ConfigError as exc:
            raise self._error((*draft.path, "model"), f"cannot run so: {exc}") from exc
        on_crops = is_on_crops(draft, self._drafts)
        return _node(draft, kind, options, model=model, on_crops=on_crops)

    def _transform(self, draft: DraftNode) -> Node:
        if draft.kind != "transform":
            return _node(draft, draft.kind, self._stated_transform(draft))
        wanted = self._wanted(draft)
        (first, (kind, values)), *others = wanted.items()
        for other, choice in others:
            if choice != (kind, values):
                raise self._error(
                    (*draft.path, "kind"),
                    f"cannot be chosen: {first!r} and {other!r} want different images",
                )
        return _node(draft, kind, self._options(draft, kind, {**values, **draft.options}))

    def _stated_transform(self, draft: DraftNode) -> Any:
        try:
            return self._options(draft, draft.kind, draft.options)
        except ConfigError as exc:
            raise ConfigError(
                re.sub(" is missing$", f" is missing{_OF_THE_MODEL}", str(exc), flags=re.MULTILINE)
            ) from exc

    def _wanted(self, draft: DraftNode) -> dict[str, tuple[str, dict[str, Any]]]:
        """Map each detector that reads a transform to the kind and options that its model needs."""
        return {
            node.name: (node.model.transform.kind, node.model.transform_options)
            for node in self.nodes.values()
            if node.model is not None and draft.name in node.reads
        }

    def _options(self, draft: DraftNode, kind: str, values: Mapping[str, Any]) -> Any:
        try:
            model: type[Options] = load(draft.role, kind).Options
        except ConfigError as exc:
            raise self._error((*draft.path, "kind"), f"cannot be {kind}: {exc}") from exc
        return checked(model, self._text, draft.path, values, also=NODE_KEYS)

    def _from_home(self, draft: DraftNode, options: Options) -> Options:
        """Expand the ~ of a sink's path or folder; an unknown home is reported with the outputs."""
        key = "folder" if hasattr(options, "folder") else "path"
        path = getattr(options, key, None)
        if draft.role != "sink" or path is None:
            return options
        if not isinstance(path, str | Path):
            owner = package_of(draft.role, draft.kind)
            problem = f"kind {draft.kind} of package {owner} makes it a {type(path).__name__}"
            raise self._error((*draft.path, key), f"must be text or a path: {problem}")
        with suppress(RuntimeError):
            home = Path(path).expanduser()
            return options.model_copy(update={key: type(path)(home)})
        return options

    def _model(self, draft: DraftNode, name: str) -> ModelConfig:
        try:
            return load_model_config(name)
        except ConfigError as exc:
            problems = str(exc).replace("\n", "; ")
            raise self._error((*draft.path, "model"), f"is not a model: {problems}") from exc


def _other_classes(node: str, options: DetectorOptions, model: ModelConfig) -> str:
    """Say how a detector is told to keep classes that its model has."""
    meant = (name if name in model.classes else closest(name, model.classes)
             for name in options.classes or ())  # fmt: skip
    kept = list(dict.fromkeys(filter(None, meant))) or list(model.classes[:1])
    names = yaml.safe_dump(kept, default_flow_style=True, allow_unicode=True, width=math.inf)
    entry = shlex.quote(f"{node}.classes={names.strip()}")
    return f"say --set {entry}, or --set {node}.classes=null for all"


def _node(draft: DraftNode, kind: str, options: Options, **found: Any) -> Node:
    replicas = draft.keys.replicas
    return Node(
        name=draft.name,
        role=draft.role,
        kind=kind,
        reads=draft.reads,
        options=options,
        process=draft.process,
        replicas=cores() if replicas == "auto" else replicas,
        batch=draft.keys.batch,
        max_wait_ms=draft.keys.max_wait_ms,
        device=draft.keys.device,
        copies=draft.keys.copies,
        **found,
    )
