"""What a frozen network computes of an image is computed once."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.training.image_cache import ImageCache, weights_digest

IMAGE = torch.arange(48.0).view(3, 4, 4)


class Counted:
    """Computes a tensor, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, Tensor]:
        self.calls += 1
        return {"map": torch.full((2,), float(self.calls))}


def test_an_image_s_tensors_are_computed_once_also_for_the_next_training(tmp_path: Path) -> None:
    compute = Counted()
    for _ in range(2):
        cache = ImageCache(tmp_path / "new", "weights")
        assert cache(cache.key(IMAGE), compute)["map"].tolist() == [1, 1]
    assert compute.calls == 1


@pytest.mark.parametrize(
    ("depends_on", "image", "others"),
    [
        ("other weights", IMAGE, []),
        ("weights", IMAGE + 1, []),
        ("weights", IMAGE.view(3, 2, 8), []),
        ("weights", IMAGE, [torch.zeros(1, 4)]),
    ],
)
def test_whatever_decides_over_the_tensors_tells_them_apart(
    depends_on: str, image: Tensor, others: list[Tensor], tmp_path: Path
) -> None:
    known = ImageCache(tmp_path, "weights").key(IMAGE)
    assert ImageCache(tmp_path, depends_on).key(image, *others) != known


def test_without_a_folder_nothing_is_kept() -> None:
    compute, cache = Counted(), ImageCache(None, "weights")
    for _ in range(2):
        cache(cache.key(IMAGE), compute)
    assert compute.calls == 2


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, "weights")
    (tmp_path / f"{cache.key(IMAGE)}.safetensors").write_bytes(b"half of it")
    with pytest.raises(ConfigError, match=r"\.safetensors: is no whole file of a cache: remove it"):
        cache(cache.key(IMAGE), Counted())


def test_weights_are_told_apart_by_every_value() -> None:
    layer = nn.Linear(2, 2)
    before = weights_digest(layer)
    assert weights_digest(layer) == before
    layer.bias.data[1] += 1e-6
    assert weights_digest(layer) != before
