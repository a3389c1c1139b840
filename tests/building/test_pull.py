"""Pulling a model: its weights and its network in the cache, or one sentence and nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamdet.building.pull import pull, torchvision_address
from streamdet.errors import ConfigError, EngineError
from streamdet.models.built_network import read_passport
from streamdet.models.model_config import cache_folder
from tests.building.test_download import QUICK, served, whole
from tests.building.toy_model import TORCHVISION, write_trained, write_untrained


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)


def unasked(name: str) -> str:
    raise AssertionError(name)


def test_weights_are_fetched_and_the_network_is_built_from_them(tmp_path: Path) -> None:
    name, weights = write_trained(tmp_path)
    told: list[str] = []
    content = weights.read_bytes()
    with served(lambda request: answer(request.wfile.write, content)) as address:
        addresses = {TORCHVISION: address.replace("toy.pth", weights.name)}
        built = pull(name, told.append, address_of=addresses.__getitem__)
    assert (cache_folder() / weights.name).read_bytes() == content
    assert built.path == cache_folder() / "toy.onnx"
    assert built.remark == ""
    sha256 = weights.stem.rpartition("-")[2]
    assert read_passport(built.path.with_suffix(".json")).weights.startswith(sha256)
    assert told[0] == f"fetching {weights.name} (CC0)"
    assert told[-1].startswith("building the network of toy from ")


def answer(write: object, content: bytes) -> None:
    assert callable(write)
    write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content))
    write(content)


@pytest.mark.nightly
def test_weights_that_are_here_are_not_fetched_again(tmp_path: Path) -> None:
    name, weights = write_trained(tmp_path)
    cache_folder().mkdir(parents=True)
    weights.rename(cache_folder() / weights.name)
    assert pull(name, list, address_of=unasked).path == cache_folder() / "toy.onnx"


def test_wrong_weights_leave_nothing(tmp_path: Path) -> None:
    name, weights = write_trained(tmp_path)
    with served(whole) as address, pytest.raises(ConfigError, match="its sha256 is"):
        other = address.replace("toy.pth", weights.name)
        pull(name, list, address_of=lambda _: other, limits=QUICK)
    assert not [*cache_folder().iterdir()]


def test_a_wrong_file_of_the_user_s_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, weights = write_trained(tmp_path)
    weights.write_bytes(b"mine")
    monkeypatch.setenv("STREAMDET_MODELS", str(weights.parent))
    with pytest.raises(ConfigError, match="is not the file that model 'toy' wants"):
        pull(name, list, address_of=unasked)
    assert weights.read_bytes() == b"mine"


def test_another_edition_of_the_weights_is_not_fetched(tmp_path: Path) -> None:
    name, weights = write_trained(tmp_path)
    with pytest.raises(ConfigError, match=f"is v2.pth by now, wanted {weights.name}"):
        pull(name, list, address_of=lambda _: "https://127.0.0.1:1/v2.pth")


def test_a_model_without_published_weights_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'toy' has no weights that could be fetched"):
        pull(write_untrained(tmp_path), list, address_of=unasked)
    with pytest.raises(ConfigError, match=r"are not in torchvision's registry: put .*\.onnx into"):
        pull("yolox_nano", list, address_of=unasked)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("raise ImportError('none')", "is not installed: pip install torchvision"),
        ("raise RuntimeError('no nms')", "does not load with this torch: no nms"),
    ],
)
def test_without_torchvision_s_registry_there_is_one_sentence(
    source: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=sentence):
        torchvision_address(TORCHVISION)


def test_the_registry_gives_the_address_or_does_not_know_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {TORCHVISION: SimpleNamespace(url="u")}
    models = SimpleNamespace(get_weight=known.__getitem__)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    assert torchvision_address(TORCHVISION) == "u"
    with pytest.raises(ConfigError, match=r"torchvision has no weights 'Toy_Weights\.V9'"):
        torchvision_address("Toy_Weights.V9")
