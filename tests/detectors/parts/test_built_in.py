"""What is built into a network is known without torch, and refused where it is asked otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from streamdet.detectors.parts.built_in import built_in, check_built_in
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.registry import load_network

FASTER = "faster_rcnn_resnet18"  # network: iou_thresh 0.3, else defaults; score_thresh 0.5


def model(name: str = FASTER, network: dict[str, Any] | None = None, **changes: Any) -> ModelConfig:
    base = load_model_config(name)
    return base.model_copy(
        update={"network": {**(base.network or {}), **(network or {})}} | changes
    )


@pytest.mark.parametrize("kind", ["sppnet", "fast_rcnn", "faster_rcnn", "mask_rcnn", "rpn"])
def test_defaults_are_the_network_s_own(kind: str) -> None:
    fields = load_network(kind).Options.model_fields
    most = "after_nms" if kind == "rpn" else "detections"
    wanted = [fields[name].default for name in ("score_thresh", "iou_thresh", most)]
    stated = {"detector": kind, "network": {}, "iou_thresh": wanted[1]}
    found = built_in(load_model_config(FASTER).model_copy(update=stated))
    assert found is not None
    assert [found.score_thresh, found.iou_thresh, found.detections] == wanted


def test_what_the_configuration_states_is_what_counts() -> None:
    found = built_in(model(network={"score_thresh": 0.2, "detections": 7}))
    assert found is not None
    assert (found.score_thresh, found.iou_thresh, found.detections) == (0.2, 0.3, 7)
    assert getattr(built_in(load_model_config("rpn_resnet18")), "detections", None) == 2000


@pytest.mark.parametrize("name", ["yolox_nano", "yolox_nano_untrained", "hog_people"])
def test_other_networks_leave_it_to_the_detector(name: str) -> None:
    assert built_in(load_model_config(name)) is None


@pytest.mark.parametrize("changes", [{"iou_thresh": 0.4}, {"network": {"iou_thresh": 0.4}}])
def test_two_overlaps_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"iou_thresh 0\.\d and network.iou_thresh 0\.\d must be"):
        built_in(model(**changes))


def test_a_wrong_value_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"network.score_thresh is wrong \(.*\), got 'high'"):
        built_in(model(network={"score_thresh": "high"}))


def options(**stated: Any) -> NetworkOptions:
    return NetworkOptions.model_validate({"model": FASTER} | stated)


def test_soft_suppression_is_refused_where_suppression_is_built_in() -> None:
    with pytest.raises(ConfigError, match="suppression soft_linear cannot be had: greedy supp"):
        check_built_in(options(suppression="soft_linear"), load_model_config(FASTER))


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ({"score_thresh": 0.01}, "score_thresh must be at least 0.05, got 0.01: that is built in"),
        ({"max_detections": 101}, "max_detections must be at most 100, got 101: that is built in"),
        ({"iou_thresh": 0.5}, f"iou_thresh 0.3 is built into the network of model '{FASTER}'"),
    ],
)
def test_what_the_network_cannot_follow_is_refused(stated: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check_built_in(options(**stated), model())


def test_a_model_s_own_score_below_the_network_s_is_refused_too() -> None:
    with pytest.raises(ConfigError, match=r"score_thresh must be at least 0.05, got 0.01"):
        check_built_in(options(), model(score_thresh=0.01))


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"score_thresh": 0.05, "max_detections": 100, "iou_thresh": 0.3},
        {"scales": (1.0, 2.0), "max_detections": 1000},
    ],
)
def test_what_the_network_can_follow_is_taken(stated: dict[str, Any]) -> None:
    check_built_in(options(**stated), model())
