"""The models of configs/models for people to read; imports nothing that runs networks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from streamdet.config.files import find_config, shipped_names
from streamdet.errors import ConfigError
from streamdet.models.built_network import find_loaded, find_network, read_passport
from streamdet.models.input_size import hw_text
from streamdet.models.model_config import ModelConfig, find_file, load_model_config
from streamdet.registry import KINDS, NETWORKS

_HEADER: Final = ("model", "detector", "weights", "here")


def list_lines() -> Iterator[str]:
    """List the shipped models in columns: name, kind, who trained it, whether it can run here."""
    models = [load_model_config(name) for name in shipped_names("configs/models")]
    rows = [_HEADER] + [(m.name, m.detector, _trained(m), _here(m)) for m in models]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def fact_lines(name: str) -> Iterator[str]:
    """Tell what is known of one model.

    Args:
        name: a shipped model's name, or the path of a .yaml file.

    Raises:
        ConfigError: there is no such model, or its configuration is wrong.
    """
    model = load_model_config(name)
    yield f"{model.name}: {paper(model.detector)}"
    facts = {
        "configuration": str(find_config(name, "configs/models")),
        "detector": model.detector,
        **_network_facts(model),
        "transform": _stated({"kind": model.transform.kind, **model.transform_options}),
        "classes": f"{len(model.classes)}: {_some(model.classes)}",
        "thresholds": f"score {model.score_thresh:g}, IoU {model.iou_thresh:g}",
        **_weights_facts(model),
        **_state_facts(model),
        **_card_facts(model),
    }
    for key, text in facts.items():
        yield f"  {key:<13}  {text}"


def paper(kind: str) -> str:
    """First line of what the module of a detector's network says, or else of the detector's.

    Where several kinds share the module, the line that begins with the kind's name. Imports
    neither, so that it can be told where torch is missing.

    Args:
        kind: of detector.
    """
    place = NETWORKS.get(kind) or KINDS["detector"][kind]
    spec = find_spec(place.partition(":")[0])
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    own = (line for line in text.splitlines() if line.lower().startswith(f"{kind}:"))
    return next(own, text.partition("\n")[0])


def _trained(model: ModelConfig) -> str:
    if model.weights is None:
        return "none needed" if _needs_nothing(model) else "nobody has trained it"
    return "torchvision" if model.weights.torchvision else model.weights.file


def _here(model: ModelConfig) -> str:
    """Say in a word whether it can run; a wrong file is told in full by `show`."""
    if _needs_nothing(model):
        return "ready"
    try:
        remark = find_network(model).remark
    except ConfigError:
        return _lacking(model)
    return f"ready, {remark}" if remark else "ready"


def _needs_nothing(model: ModelConfig) -> bool:
    return model.weights is None and model.detector == "hog_svm"  # OpenCV brings its own


def _lacking(model: ModelConfig) -> str:
    if find_loaded(model) is not None:
        return f"wrong file: streamdet models show {model.name}"
    if model.weights is not None and find_file(model.weights.file, model.folder) is not None:
        return "weights, not built"
    return "no"


def _network_facts(model: ModelConfig) -> dict[str, str]:
    facts = {"network": _stated(model.network)} if model.network else {}
    if image := model.input:
        height, width = image.hw
        facts["input"] = (
            f"{image.name}, {width} x {height} pixels, {image.colour},"
            f" mean {image.mean}, std {image.std}"
        )
    if model.sizes:
        others = ", ".join(hw_text(size.hw) for size in model.sizes)
        facts["sizes"] = f"{others} (height x width), too: `input: auto` chooses"
    if model.runtimes:
        runtimes = (f"{kind} {stated.precision}" for kind, stated in model.runtimes.items())
        facts["runtimes"] = ", ".join(runtimes)
    return facts


def _weights_facts(model: ModelConfig) -> dict[str, str]:
    if model.weights is None:
        return {"weights": _trained(model)}
    weights = model.weights
    sha256 = weights.sha256 or "not stated: the file is not checked"
    is_part = weights.sha256 is not None and len(weights.sha256) < 64
    return {
        "weights": f"{weights.file}: {_place(weights.file, model.folder)}",
        "sha256": f"{sha256}..." if is_part else sha256,
        "licence": weights.licence or "not stated",
        "origin": weights.origin or "not stated",
    }


def _place(file: str, first: Path | None) -> str:
    found = find_file(file, first)
    return "not on this machine" if found is None else f"in {found.parent}"


def _state_facts(model: ModelConfig) -> dict[str, str]:
    if _needs_nothing(model):
        return {"state": "ready"}
    try:
        path = find_network(model).path
    except ConfigError as exc:
        return {"state": str(exc)}
    facts = {"state": f"ready: {path} ({path.stat().st_size / 1e6:.1f} MB)"}
    if not model.is_built:
        return facts
    passport = read_passport(path.with_suffix(".json"))
    versions = ", ".join(f"{name} {version}" for name, version in passport.versions.items())
    origin = f"weights of sha256 {passport.weights}" if passport.is_trained else passport.weights
    return {**facts, "built from": origin, "built by": versions}


def _card_facts(model: ModelConfig) -> dict[str, str]:
    """Point at what is written about a model beside its configuration: data, metrics, failures."""
    assert model.folder is not None
    card = model.folder / f"{model.name}.md"
    return {"card": str(card)} if card.is_file() else {}


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _stated(options: dict[str, object]) -> str:
    """Write options on one line, those of parts in brackets."""
    return ", ".join(f"{key} {_value(value)}" for key, value in options.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"({_stated(value)})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)
