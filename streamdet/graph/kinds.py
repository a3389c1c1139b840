"""From drafts to nodes: choose concrete kinds, check their options, look up sources and models."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamdet.config.options import Options
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.parts.built_in import check_built_in
from streamdet.detectors.parts.options import check_options
from streamdet.errors import ConfigError
from streamdet.graph.draft import DraftNode, NodeKeys
from streamdet.graph.pipeline import Node, in_order
from streamdet.graph.problems import Problems
from streamdet.graph.source_items import build_source
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.registry import load
from streamdet.system.cores import cores


def build_nodes(
    drafts: Mapping[str, DraftNode], text: YamlText, problems: Problems
) -> dict[str, Node]:
    """Build every node, in topological order; one that is wrong is left out and reported."""
    builder = _Builder(text, problems)
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
    def __init__(self, text: YamlText, problems: Problems) -> None:
        self.nodes: dict[str, Node] = {}
        self._text = text
        self._problems = problems
        self._error = problems.error
        self._source_ids: dict[str, str] = {}

    def can_choose(self, draft: DraftNode) -> bool:
        """Say whether what the kind depends on is known; if not, that has been reported."""
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
                return _node(draft, draft.kind, _from_home(options))

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
            hint = str(exc).removeprefix("classes: ")
            raise self._error(
                (*draft.path, "classes"), f"is not a class of the model: {hint}"
            ) from exc
        try:
            check_built_in(options, model)
        except ConfigError as exc:
            raise self._error((*draft.path, "model"), f"cannot run so: {exc}") from exc
        return _node(draft, kind, options, model=model)

    def _transform(self, draft: DraftNode) -> Node:
        if draft.kind != "transform":
            return _node(draft, draft.kind, self._options(draft, draft.kind, draft.options))
        wanted = self._wanted(draft)
        (first, (kind, values)), *others = wanted.items()
        for other, choice in others:
            if choice != (kind, values):
                raise self._error(
                    (*draft.path, "kind"),
                    f"cannot be chosen: {first!r} and {other!r} want different images",
                )
        return _node(draft, kind, self._options(draft, kind, {**values, **draft.options}))

    def _wanted(self, draft: DraftNode) -> dict[str, tuple[str, dict[str, Any]]]:
        """Map each detector that reads a transform to the kind and options that its model wants."""
        return {
            node.name: (node.model.transform.kind, node.model.transform_options)
            for node in self.nodes.values()
            if node.model is not None and draft.name in node.reads
        }

    def _options(self, draft: DraftNode, kind: str, values: Mapping[str, Any]) -> Any:
        model: type[Options] = load(draft.role, kind).Options
        return checked(model, self._text, draft.path, values, also=NodeKeys.model_fields)

    def _model(self, draft: DraftNode, name: str) -> ModelConfig:
        try:
            return load_model_config(name)
        except ConfigError as exc:
            problems = str(exc).replace("\n", "; ")
            raise self._error((*draft.path, "model"), f"is not a model: {problems}") from exc


def _from_home(options: Options) -> Options:
    """Expand the ~ of a sink's path; an unknown home folder is reported with the outputs."""
    path: Path | None = getattr(options, "path", None)
    with suppress(RuntimeError):
        return options if path is None else options.model_copy(update={"path": path.expanduser()})
    return options


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
        **found,
    )
