"""Proposals from a second network: found by its model's name, built beforehand."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from streamdet.building.build import build
from streamdet.detectors.parts.proposal_options import ProposalOptions, make_proposer
from streamdet.detectors.proposals import Proposer
from streamdet.errors import ConfigError, EngineError
from streamdet.models.model_config import load_model_config
from tests.networks.region_networks import HW, write_model
from tests.runtimes.tiny_network import write_tiny_network


def made(name: str) -> Proposer:
    options = ProposalOptions(model="any", proposals="rpn", proposals_from=name)
    return make_proposer(options, load_model_config("fast_rcnn_resnet18"))


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))


def test_an_rpn_proposes_in_the_pixels_of_any_image(tmp_path: Path) -> None:
    path = write_model("rpn", tmp_path)
    build(str(path), tmp_path, seed=0)
    propose = made(str(path))
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
        made(str(path))


def test_a_model_without_a_network_proposes_nothing() -> None:
    with pytest.raises(ConfigError, match="'hog_people' has no network"):
        made("hog_people")


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
    propose = made(str(path))
    with pytest.raises(EngineError, match=r"the network gives \['seen', 'sums'\], no detections"):
        propose(np.zeros((*HW, 3), np.uint8), 5, 0)


def test_the_model_that_a_configuration_names_proposes_unless_another_way_is_stated(
    tmp_path: Path,
) -> None:
    build(str(path := write_model("rpn", tmp_path)), tmp_path, seed=0)
    model = load_model_config(str(write_model("fast_rcnn", tmp_path, proposals_from=str(path))))
    by_default = make_proposer(ProposalOptions(model="any"), model)
    assert by_default.name.startswith("small_rpn on ")
    stated = make_proposer(ProposalOptions(model="any", proposals="sliding"), model)
    assert stated.name == "sliding boxes of 12 shapes"


def test_a_model_that_takes_no_proposals_names_none(tmp_path: Path) -> None:
    path = write_model("rpn", tmp_path, proposals_from="rpn")
    with pytest.raises(ConfigError, match=r"proposals_from goes with fast_rcnn, rcnn, sppnet; rpn"):
        load_model_config(str(path))
