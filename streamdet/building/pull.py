"""Fetches a model's published weights and builds its network from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from streamdet.building.build import build
from streamdet.building.download import LIMITS, Limits, Tell, download
from streamdet.errors import ConfigError, EngineError
from streamdet.models.built_network import NetworkFile
from streamdet.models.model_config import (
    ModelConfig,
    Weights,
    cache_folder,
    find_file,
    find_weights,
    load_model_config,
)

AddressOf = Callable[[str], str]
"""Gives the address of weights by the name that torchvision has for them."""


def torchvision_address(name: str) -> str:
    """Ask torchvision's registry where weights are published.

    Args:
        name: e.g. "FasterRCNN_ResNet50_FPN_Weights.COCO_V1".

    Raises:
        ConfigError: torchvision does not know the name.
        EngineError: torchvision is not installed, or does not load here.
    """
    try:
        from torchvision.models import get_weight
    except ImportError as exc:
        raise EngineError(
            f"torchvision, which knows where {name} is published, is not installed:"
            " pip install torchvision"
        ) from exc
    except Exception as exc:  # built for another torch, it fails in its own ways
        raise EngineError(
            f"torchvision, which knows where {name} is published, does not load"
            f" with this torch: {exc}"
        ) from exc
    try:
        return str(get_weight(name).url)
    except (ValueError, KeyError, AttributeError) as exc:
        raise ConfigError(f"torchvision has no weights {name!r}") from exc


def pull(
    name: str,
    tell: Tell = print,
    *,
    address_of: AddressOf = torchvision_address,
    limits: Limits = LIMITS,
) -> NetworkFile:
    """Fetch a model's weights into the cache, if they are not here yet, and build its network.

    Args:
        name: a shipped model's name, or the path of a .yaml file.
        tell: told what is being done.
        address_of: the registry.
        limits: of the download.

    Raises:
        ConfigError: the model has no published weights, or the file is another one.
        EngineError: they cannot be fetched, or the network cannot be built here.
    """
    model = load_model_config(name)
    weights = _published(model)
    if not _is_here(model):
        address = address_of(weights.torchvision or "")
        published = PurePosixPath(urlsplit(address).path).name
        if published != weights.file:
            raise ConfigError(f"{weights.torchvision} is {published} by now, wanted {weights.file}")
        assert weights.sha256 is not None  # as the configuration was checked
        tell(f"fetching {weights.file} ({weights.licence or 'licence not stated'})")
        download(address, cache_folder() / weights.file, weights.sha256, tell, limits)
    tell(f"building the network of {model.name} from {find_weights(model)}")
    return build(name, cache_folder())


def _is_here(model: ModelConfig) -> bool:
    """Whether the right weights are here; wrong ones are replaced only in the cache."""
    assert model.weights is not None
    try:
        find_weights(model)
    except ConfigError:
        found = find_file(model.weights.file, model.folder)
        if found is not None and found.parent != cache_folder():
            raise
        return False
    return True


def _published(model: ModelConfig) -> Weights:
    if model.weights is None:
        raise ConfigError(f"model {model.name!r} has no weights that could be fetched")
    if model.weights.torchvision is None:
        raise ConfigError(
            f"the weights of model {model.name!r} are not in torchvision's registry:"
            f" put {model.weights.file} into {cache_folder()}"
            f"{f' ({model.weights.origin})' if model.weights.origin else ''}"
        )
    return model.weights
