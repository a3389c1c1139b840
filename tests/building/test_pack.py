"""A packed model runs without being built, and only with the configuration it was packed from."""

import hashlib
from pathlib import Path

import pytest

from streamdet.building import pack as packing
from streamdet.building.build import build, give_weights, make_network
from streamdet.building.pack import pack, pack_fitted
from streamdet.config.files import shipped
from streamdet.errors import ConfigError
from streamdet.models.built_network import find_network
from streamdet.models.model_config import ModelConfig, find_weights, load_model_config
from streamdet.training.model_file import read_model_file, weights_entry, write_model_file
from tests.building.toy_model import write_trained
from tests.detectors.small_models import write_bow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """toy.yaml with toy.onnx beside it, built from weights beside it."""
    folder = tmp_path_factory.mktemp("trained")
    name, weights = write_trained(folder)
    weights.rename(folder / weights.name)
    return build(name, folder).path


def packed(built: Path, folder: Path, name: str = "small") -> ModelConfig:
    return pack(built, load_model_config(str(built.with_suffix(".yaml"))), name, folder)


def test_a_packed_model_is_its_weights_file(built: Path, tmp_path: Path) -> None:
    model = packed(built, tmp_path)
    assert find_network(model).path == tmp_path / "small.onnx"
    assert find_network(model).path.stat().st_size < 0.6 * built.stat().st_size
    assert model.weights is not None
    content = (tmp_path / "small.onnx").read_bytes()
    assert model.weights.sha256 == hashlib.sha256(content).hexdigest()
    assert (model.weights.licence, model.weights.origin) == ("CC0", "a test")
    assert (model.name, model.classes, model.is_built) == ("small", ("person",), False)


def test_it_names_no_folder_of_this_machine(built: Path, tmp_path: Path) -> None:
    packed(built, tmp_path)
    for path in tmp_path.iterdir():
        assert str(Path(packing.__file__).parents[2]).encode() not in path.read_bytes()
        assert b"site-packages" not in path.read_bytes()


def test_the_same_network_is_packed_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    for name in "ab":
        packed(built, tmp_path / name)
    first, second = (tmp_path / name / "small.onnx" for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_damaged_file_is_refused(built: Path, tmp_path: Path) -> None:
    model = packed(built, tmp_path)
    (tmp_path / "small.onnx").write_bytes(b"other")
    with pytest.raises(ConfigError, match=r"small\.onnx is not the file that model 'small' wants"):
        find_network(model)


def test_another_network_in_the_configuration_is_refused(built: Path, tmp_path: Path) -> None:
    model = packed(built, tmp_path)
    assert model.network is not None
    other = model.model_copy(update={"network": {**model.network, "box_width": 16}})
    with pytest.raises(ConfigError, match="was packed from another configuration"):
        find_network(other)
    thresholds = model.model_copy(update={"score_thresh": 0.9})
    assert find_network(thresholds).path == tmp_path / "small.onnx"


def test_a_network_that_is_too_large_is_refused(built: Path, tmp_path: Path) -> None:
    model = load_model_config(str(built.with_suffix(".yaml")))
    with pytest.raises(ConfigError, match=r"takes .* MB .* wanted at most 1: train a smaller one"):
        pack(built, model, "small", tmp_path, largest=1_000_000)
    assert not list(tmp_path.iterdir())


def test_a_packed_network_only_runs(built: Path, tmp_path: Path) -> None:
    model = packed(built, tmp_path)
    network = make_network(model.argument)
    with pytest.raises(ConfigError, match="model 'small' is packed"):
        give_weights(network, model)


def test_a_shipped_model_needs_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = load_model_config("people")
    assert model.argument == "people"
    assert find_network(model).path == shipped("configs/models") / "people.onnx"


def test_what_was_fitted_without_a_network_ships_as_it_is(tmp_path: Path) -> None:
    weights = tmp_path / "fitted.npz"
    write_bow(weights)
    entry = weights_entry(weights, "CC0", "a test")
    values = read_model_file("bow_spm") | {"classes": ["person"], "weights": entry}
    write_model_file(values, tmp_path / "fitted.yaml")
    model = pack_fitted(load_model_config(str(tmp_path / "fitted.yaml")), "small", tmp_path / "out")
    assert (tmp_path / "out" / "small.npz").read_bytes() == weights.read_bytes()
    assert model.weights is not None
    assert (model.name, model.weights.file, model.weights.licence) == ("small", "small.npz", "CC0")
    assert find_weights(model) == tmp_path / "out" / "small.npz"
