"""Weights that a training begins with, from files made for perhaps other classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from streamdet.config.files import shipped
from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig, find_file, find_weights, load_model_config
from streamdet.networks.backbones import ARCHITECTURES, body_weights
from streamdet.networks.backbones.numbered_weights import named_weights
from streamdet.networks.state_dict import current_names, read_weights
from streamdet.registry import load_network
from streamdet.training.folded_norms import measure_norms
from streamdet.training.onnx_weights import SUFFIX as ONNX
from streamdet.training.onnx_weights import read_onnx_weights
from streamdet.training.recipe import Start


class Classes(NamedTuple):
    """Classes of a network, and where it keeps what it knows of each.

    Attributes:
        names: in their order.
        rows: name of a tensor whose first axis holds them -> rows for each.
        come_first: whether what stands after them there, if anything, is not of the classes.
    """

    names: Sequence[str]
    rows: Mapping[str, int]
    come_first: bool = False


def classes_of(network: nn.Module, model: ModelConfig) -> Classes:
    """Find what a network keeps of each class: what grows where there is one more.

    One that has a fixed number of classes, an RPN, keeps nothing of each. One whose class states
    `classes_come_first = True` keeps what else a layer tells, such as boxes, behind them.

    Args:
        network: was made for the model.
        model: its configuration.
    """
    kind: Any = load_network(model.detector)
    assert model.input is not None
    with torch.random.fork_rng(devices=[]):
        options = kind.Options(**(model.network or {}))
        try:
            larger = kind(options, len(model.classes) + 1, model.input.hw).state_dict()
        except ValueError:
            return Classes(model.classes, {})
    grown = {
        name: len(larger[name]) - len(value)
        for name, value in network.state_dict().items()
        if larger[name].shape != value.shape
    }
    return Classes(model.classes, grown, getattr(kind, "classes_come_first", False))


def give_start(
    network: nn.Module,
    start: Start,
    backbone: str | None,
    classes: Classes | None = None,
    images: Iterable[Tensor] = (),
    hw: tuple[int, int] = (64, 64),
) -> list[str]:
    """Give a network the tensors that fit it by name and shape.

    Args:
        network: takes them in place.
        start: which files; what is no path is looked for in the folders of models.
        backbone: name of its backbone, see networks/backbones; None: it has none of ours.
        classes: of the network; wanted where the start is a model.
        images: (B, 3, H, W) each, that batch norms are measured on where a file has none;
            without any they only compute what the file's network does outside of training.
        hw: height and width of its images.

    Returns:
        A sentence for each file.

    Raises:
        ConfigError: a file is missing or damaged, or nothing in it fits.
    """
    told = []
    if start.backbone is not None:
        path = _found(start.backbone, "start.backbone")
        if backbone is None or backbone not in ARCHITECTURES:
            raise ConfigError("start.backbone: the model's network states no backbone of ours")
        weights = read_weights(path)
        named = named_weights(weights) if "00.meta" in weights else weights
        told.append(_take(network, body_weights(backbone, named), path))
    exported = False
    if start.network is not None:
        path = _found(start.network, "start.network")
        exported |= path.suffix == ONNX
        told.append(_take(network, _network_weights(path, network, hw), path))
    if start.model is not None:
        known, own = load_model_config(start.model), network.state_dict()
        path = find_weights(known)
        exported |= path.suffix == ONNX
        assert classes is not None
        weights = {}
        for name, value in _network_weights(path, network, hw).items():
            ours = _of_classes(name, value, own.get(name), known.classes, classes)
            if ours is not None:
                weights[name] = ours
        new = [name for name in classes.names if name not in known.classes]
        random = f"; of {', '.join(new)} it knows nothing" if new and classes.rows else ""
        told.append(_take(network, weights, path) + random)
    if exported:
        measure_norms(network, images)
    return told


def _network_weights(path: Path, network: nn.Module, hw: tuple[int, int]) -> Mapping[str, Tensor]:
    if path.suffix == ONNX:
        return read_onnx_weights(path, network, hw)
    return current_names(network, read_weights(path))


def _of_classes(
    name: str, value: Tensor, own: Tensor | None, theirs: Sequence[str], classes: Classes
) -> Tensor | None:
    """Bring what a layer knows of their classes into the order of ours.

    A class of ours that they have not keeps its own rows. A layer has the background's rows before
    those of the classes, or none of it; others after them only where `Classes` says so.

    Returns:
        `value` itself where its rows are not those of the classes or the classes are the same; None
        where the order of its rows is not known.
    """
    rows = classes.rows.get(name)
    if own is None or rows is None or tuple(theirs) == tuple(classes.names):
        return value
    if own.shape[1:] != value.shape[1:]:
        return value  # it does not fit
    rest = len(own) - rows * len(classes.names)
    background = 0 if classes.come_first else rest
    if background not in (0, rows) or len(value) != rest + rows * len(theirs):
        return None
    mixed = own.clone()
    mixed[:background] = value[:background]
    mixed[background + rows * len(classes.names) :] = value[background + rows * len(theirs) :]
    for place, class_ in enumerate(classes.names):
        if class_ in theirs:
            known = background + rows * theirs.index(class_)
            mine = background + rows * place
            mixed[mine : mine + rows] = value[known : known + rows]
    return mixed


def _found(name: str, key: str) -> Path:
    path = Path(name).expanduser()
    found = path if path.is_file() else find_file(name, shipped("configs/models"))
    if found is None:
        raise ConfigError(
            f"{key}: there is no file {path.absolute()}, nor {name} in a folder of STREAMDET_MODELS"
        )
    return found


def _take(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> str:
    own = network.state_dict()
    bodies = _prefixes(own, weights)
    renamed = {bodies + name: value for name, value in weights.items()}
    fitting = {
        name: value
        for name, value in renamed.items()
        if name in own and own[name].shape == value.shape
    }
    if not fitting:
        raise ConfigError(f"{path}: none of its {len(weights)} tensors fits the network")
    network.load_state_dict(fitting, strict=False)
    rest = [
        name for name in own if name not in fitting and not name.endswith("num_batches_tracked")
    ]
    if not rest:
        return f"{path}: has all weights of the network"
    left = f"{', '.join(rest[:3])}{' ...' if len(rest) > 3 else ''}"
    return f"{path}: {len(fitting)} of its {len(weights)} tensors fit; random: {left}"


def _prefixes(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """Find where in a network the weights belong: the place at which most names are its own."""
    first = next(iter(weights), "")
    places = {""} | {name.removesuffix(first) for name in own if name.endswith(f".{first}")}
    return max(sorted(places), key=lambda place: sum(place + name in own for name in weights))
