"""Proposals from a second network: found by its model's name, built beforehand."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from streamdet.building.build import build
from streamdet.detectors.parts.proposal_options import ProposalOptions, make_proposer
from streamdet.errors import ConfigError, EngineError
from tests.networks.region_networks import HW, write_model
from tests.runtimes.tiny_network import write_tiny_network


def options(name: str) -> ProposalOptions:
    return ProposalOptions(model="any", proposals="rpn", proposals_from=name)


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))


def test_an_rpn_proposes_in_the_pixels_of_any_image(tmp_path: Path) -> None:
    path = write_model("rpn", tmp_path)
    build(str(path), tmp_path, seed=0)
    propose = make_proposer(options(str(path)))
    assert "small_rpn on" in propose.name
    assert "random weights (seed 0)" in propose.name
    noise = np.random.default_rng(0).integers(0, 256, (128, 96, 3), dtype=np.uint8)
    xyxy = propose(noise, 5, 0)
    assert xyxy.shape == (5, 4)
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert (xyxy <= (96, 128, 96, 128)).all()
    assert xyxy[:, 3].max() > 64  # the network sees 64 rows


def test_a_network_that_is_not_built_is_named(tmp_path: Path) -> None:
    path = write_model("rpn", tmp_path)
    with pytest.raises(ConfigError, match="network of model 'small_rpn' is not built"):
        make_proposer(options(str(path)))


def test_a_model_without_a_network_proposes_nothing() -> None:
    with pytest.raises(ConfigError, match="'hog_people' has no network"):
        make_proposer(options("hog_people"))


def test_a_network_without_detections_is_refused(tmp_path: Path) -> None:
    content = write_tiny_network(tmp_path, HW).read_bytes()
    weights = {"file": "tiny.onnx", "sha256": hashlib.sha256(content).hexdigest()}
    path = write_model(
        "rpn",
        tmp_path,
        network=None,
        weights=weights | {"licence": "own", "origin": "made here"},
        input={"name": "image", "hw": list(HW)},
    )
    propose = make_proposer(options(str(path)))
    with pytest.raises(EngineError, match=r"the network gives \['seen', 'sums'\], no detections"):
        propose(np.zeros((*HW, 3), np.uint8), 5, 0)
