"""What `streamdet inspect` looks into: a model's network, or a backbone by name."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from torch import nn, random

from streamdet.building.build import give_weights, make_network
from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.inspection.subject import Subject
from streamdet.models.model_config import ImageInput, load_model_config
from streamdet.networks.backbones import ARCHITECTURES, backbone, body_weights, numbered_weights
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.state_dict import assign_weights, read_weights
from streamdet.registry import load
from streamdet.transforms.shortest_edge import ShortestEdge, ShortestEdgeOptions

PREFIX: Final = "backbone:"

_IMAGENET: Final = ImageInput(
    name="image",
    hw=(224, 224),
    colour="rgb",
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
)
_TENSORFLOW: Final = _IMAGENET.model_copy(update={"mean": (127.5,) * 3, "std": (127.5,) * 3})


def make_subject(args: Namespace) -> Subject:
    """Make what the arguments `model`, `weights`, `random` and `side` name.

    Raises:
        ConfigError: there is no such model or backbone, or its weights are missing or wrong.
        EngineError: the network cannot be made here.
    """
    subject = _of_backbone(args) if args.model.startswith(PREFIX) else _of_model(args)
    subject.network.eval()
    return subject


def _of_model(args: Namespace) -> Subject:
    if args.weights is not None or args.side is not None:
        raise ConfigError("--weights and --side are for a backbone; a model states its own")
    model = load_model_config(args.model)
    network = make_network(args.model, args.random or 0)
    assert isinstance(network, nn.Module)
    assert model.input is not None
    if args.random is None:
        if model.weights is None:
            raise ConfigError(
                f"nobody has trained model {model.name!r}: --random 0 looks into random weights"
            )
        give_weights(network, model)
    kind = load("transform", model.transform.kind)
    transform = kind(kind.Options(**model.transform_options))
    return Subject(model.name, network, transform, model.input, _remark(args))


def _of_backbone(args: Namespace) -> Subject:
    name = args.model.removeprefix(PREFIX)
    if name not in ARCHITECTURES:
        raise ConfigError(f"{args.model}: no such backbone; {nearest(name, ARCHITECTURES)}")
    if (args.weights is None) == (args.random is None):
        raise ConfigError(f"{args.model}: wanted either --weights FILE or --random SEED")
    network = _random_backbone(name, args.random or 0)
    if args.weights is not None:
        published = read_weights(args.weights)
        if name == numbered_weights.NETWORK:
            published = numbered_weights.named_weights(published)
        assign_weights(network, body_weights(name, published), str(args.weights))
    side = args.side or _IMAGENET.hw[0]
    options = ShortestEdgeOptions(shortest_edge=side, longest_edge=4 * side)
    image = _TENSORFLOW if name == numbered_weights.NETWORK else _IMAGENET
    return Subject(name, network, ShortestEdge(options), image, _remark(args))


def _random_backbone(name: str, seed: int) -> Backbone:
    maps = [feature_map.name for feature_map in ARCHITECTURES[name].maps]
    with random.fork_rng(devices=[]):
        random.manual_seed(seed)
        return backbone(name, maps=maps)


def _remark(args: Namespace) -> str:
    return "" if args.random is None else f"random weights (seed {args.random})"
