"""What a frozen network computes of an image, kept in files: it is the same in every epoch.

He et al., SPP-net, 2014, section 4.1: features are computed once, and what learns reads them. An
image that was varied is another image: this pays where a recipe's `augmentation` leaves images as
they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.system.atomic_file import write_whole

Tensors = Mapping[str, Tensor]


class ImageCache:
    """Keeps tensors of images in a folder; what else they depend on is part of a file's name."""

    def __init__(self, folder: Path | None, depends_on: str) -> None:
        """Keep in a folder; None: nothing is kept.

        Args:
            folder: is made when it is needed.
            depends_on: all but the image that decides over the tensors, such as `weights_digest`.
        """
        self._folder = folder
        self._depends_on = depends_on.encode()

    def key(self, image: Tensor, *others: Tensor) -> str:
        """Name an image (3, H, W), normalised, by its pixels and what its tensors depend on.

        Args:
            image: that.
            others: of the image, on which they depend besides: its objects, say.
        """
        found = hashlib.sha256(self._depends_on)
        for each in (image, *others):
            found.update(f"{tuple(each.shape)}".encode())
            found.update(each.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()

    def __call__(self, key: str, compute: Callable[[], Tensors]) -> Tensors:
        """Read what was kept under a key, or compute and keep it.

        Raises:
            ConfigError: what lies there is no file of tensors.
            EngineError: it cannot be written there.
        """
        if self._folder is None:
            return compute()
        path = self._folder / f"{key}.safetensors"
        if path.is_file():
            return _read(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        tensors = compute()
        write_whole(path, save({name: each.contiguous() for name, each in tensors.items()}))
        return tensors


def _read(path: Path) -> Tensors:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as exc:
        raise ConfigError(f"{path}: is no whole file of a cache: remove it") from exc


def weights_digest(network: nn.Module) -> str:
    """Hash the weights of a network, their names included."""
    found = hashlib.sha256()
    for name, value in network.state_dict().items():
        found.update(f"{name} {tuple(value.shape)}".encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def file_digest(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
