"""What every detector promises, whatever its kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from streamdet.detectors import Detector
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import ConfigError, EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.registry import KINDS, WITHOUT_NETWORK, load
from streamdet.runtimes import Tensors
from tests.detectors.scripted_runtime import (
    END_TO_END,
    MODEL_OF,
    NETWORK_OF,
    OPTIONS_OF,
    ScriptedRuntime,
    empty_outputs,
    random_outputs,
)
from tests.detectors.small_models import SMALL_MODELS, small_model, write_small_models

every_kind = pytest.mark.parametrize("kind", KINDS["detector"])
every_network = pytest.mark.parametrize("kind", NETWORK_OF)
every_kind_without_network = pytest.mark.parametrize(
    "kind", sorted(set(MODEL_OF) - set(NETWORK_OF))
)


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small_models")
    write_small_models(folder)
    return folder


@pytest.fixture(autouse=True)
def _weights_are_found(small_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(small_weights))


def made(kind: str, outputs: Tensors | None = None, **options: Any) -> Detector:
    detector_class = load("detector", kind)
    name = MODEL_OF[kind]
    runtime = ScriptedRuntime(outputs or empty_outputs(kind)) if kind in NETWORK_OF else None
    model = small_model(kind) if kind in SMALL_MODELS else load_model_config(name)
    model = model.model_copy(update={"detector": kind})
    options_ = detector_class.Options(model=name, **OPTIONS_OF.get(kind, {}), **options)
    detector: Detector = detector_class(options_, model, runtime)
    return detector


def lowest(kind: str) -> float:
    """The lowest threshold that can be asked for; a network that suppresses has one built in."""
    return 0.05 if kind in END_TO_END else 0.0


def busy(kind: str, **options: Any) -> Detector:
    """A detector that finds much, in its network's outputs or in noise."""
    return made(kind, random_outputs(kind) if kind in NETWORK_OF else None, **options)


def noise(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (416, 416, 3), dtype=np.uint8)


@every_kind
def test_no_image_gives_nothing(kind: str) -> None:
    assert made(kind)([]) == []


@every_kind
def test_an_image_without_objects_gives_no_boxes(kind: str) -> None:
    [found] = made(kind)([np.full((416, 416, 3), 90, dtype=np.uint8)])
    assert len(found) == 0
    assert found.track_ids is None


@every_kind
def test_every_image_gets_its_answer(kind: str) -> None:
    first, second = busy(kind, score_thresh=lowest(kind))([noise(), noise()])
    assert len(first) > 0
    np.testing.assert_array_equal(first.xyxy, second.xyxy)


@every_kind_without_network
def test_images_of_any_size_get_their_own_answers_in_one_batch(kind: str) -> None:
    sizes = [(1, 1), (100, 4000), (4000, 100), (39, 300), (131, 67)]
    images = [noise(), *[np.zeros((*hw, 3), dtype=np.uint8) for hw in sizes], noise(1)]
    detector = busy(kind, score_thresh=0.1)
    batch = detector(images)
    assert [len(found) for found in batch[1:-1]] == [0] * len(sizes)
    for found, image in zip((batch[0], batch[-1]), (images[0], images[-1]), strict=True):
        np.testing.assert_array_equal(found.xyxy, detector([image])[0].xyxy)


@every_kind
def test_boxes_come_by_falling_score_and_in_number(kind: str) -> None:
    [found] = busy(kind, score_thresh=lowest(kind), max_detections=5)([noise()])
    assert len(found) == 5
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores <= 1).all()
    assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all()


@every_kind
def test_no_score_is_below_the_threshold(kind: str) -> None:
    [best] = busy(kind, score_thresh=lowest(kind), max_detections=1)([noise()])
    thresh = float(best.scores[0])
    [found] = busy(kind, score_thresh=thresh)([noise()])
    assert len(found) > 0
    assert (found.scores >= thresh).all()


@every_kind
def test_options_say_what_they_are(kind: str) -> None:
    schema = load("detector", kind).Options.model_json_schema()
    assert all(field.get("description") for field in schema["properties"].values())


@every_kind
@pytest.mark.parametrize("wrong", [{"score_thresh": 1.1}, {"threads": 0}, {"colour": "red"}])
def test_options_out_of_range_are_refused(kind: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        load("detector", kind).Options(model="any", **wrong)


@every_kind
def test_an_unknown_class_gets_the_nearest_one(kind: str) -> None:
    with pytest.raises(ConfigError, match="has no class 'persn', did you mean 'person'"):
        made(kind, classes=("persn",))


@every_kind
def test_what_runs_it_has_a_name(kind: str) -> None:
    assert made(kind).runtime_name


@every_network
def test_only_the_chosen_classes_are_kept(kind: str) -> None:
    [found] = busy(kind, score_thresh=lowest(kind), classes=("car", "bus"))([noise()])
    assert set(found.class_ids.tolist()) == {2, 5}


@every_network
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_no_numbers_give_no_boxes_that_are_none(kind: str, value: float) -> None:
    outputs = random_outputs(kind)
    for output in outputs.values():
        if output.dtype == np.float32:
            output[:, ::2][..., :20] = value
    [found] = made(kind, outputs, score_thresh=lowest(kind))([noise()])
    assert np.isfinite(found.xyxy).all()
    assert np.isfinite(found.scores).all()


@every_network
def test_a_network_with_other_outputs_is_refused(kind: str) -> None:
    with pytest.raises(EngineError, match=r"gives|has no output"):
        made(kind, {"other": np.zeros((1, 7, 85), dtype=np.float32)})([noise()])


@every_network
def test_a_model_without_a_network_is_refused(kind: str) -> None:
    detector_class = load("detector", kind)
    with pytest.raises(ConfigError, match="'hog_people' has no network"):
        detector_class(
            detector_class.Options(model="hog_people"), load_model_config("hog_people"), None
        )


@every_kind
def test_the_registry_knows_which_kinds_run_no_network(kind: str) -> None:
    runs_one = issubclass(load("detector", kind).Options, NetworkOptions)
    assert (kind in WITHOUT_NETWORK) is not runs_one
