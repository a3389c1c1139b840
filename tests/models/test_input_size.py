"""An image is shown at the smallest size that is enough for its resolution."""

from pathlib import Path

import pytest
import yaml

from streamdet.errors import ConfigError
from streamdet.models.input_size import (
    SizeChoice,
    at_size,
    choice_of,
    hw_text,
    limited,
    scale,
    sized,
    used_hws,
)
from streamdet.models.model_config import Hw, ModelConfig, load_model_config
from streamdet.registry import load

SIZES: tuple[Hw, ...] = ((352, 416), (384, 640), (544, 960))
CHOICE = SizeChoice(SIZES, enough=0.6)


def several() -> ModelConfig:
    """YOLOX-nano with a second size that states thresholds and one that states none."""
    values = load_model_config("yolox_nano").model_dump()
    points = {"low_thresh": 0.1, "high_thresh": 0.4, "new_thresh": 0.45}
    values["sizes"] = [
        {"hw": [544, 960], "score_thresh": 0.35, "tracking": points},
        {"hw": [384, 640]},
    ]
    return ModelConfig.model_validate(values)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ((480, 640), (352, 416)),  # 416 / 640 = .65 is enough
        ((240, 320), (352, 416)),
        ((540, 960), (384, 640)),  # 416 / 960 = .43 is not, 640 / 960 = .67 is
        ((720, 1280), (544, 960)),
        ((1080, 1920), (544, 960)),  # .5 is not enough, but the most that there is
        ((2160, 3840), (544, 960)),
        ((1920, 1080), (960, 544)),  # portrait: turned
        ((640, 480), (416, 352)),  # 352 / 640 = .55 is not enough, 416 / 640 is
        ((384, 288), (352, 416)),  # enough as it is: not turned
    ],
)
def test_the_smallest_size_that_is_enough_is_chosen(source: Hw, seen: Hw) -> None:
    assert CHOICE.hw_for(source) == seen


def test_the_scale_is_that_of_the_tighter_side() -> None:
    assert scale((1080, 1920), (544, 960)) == 0.5
    assert scale((100, 100), (50, 80)) == 0.5
    assert hw_text((544, 960)) == "544x960"


def test_a_budget_leaves_sizes_out_and_says_what_is_enough() -> None:
    """416 x 416 is 173,056 pixels; four times that is 692,224, and 736 x 1280 is 942,080."""
    values = several().model_dump()
    values["sizes"] = [*values["sizes"], {"hw": [736, 1280]}]
    model = ModelConfig.model_validate(values)
    balanced = choice_of(sized(model, None, "balanced"))
    assert balanced == SizeChoice(((416, 416), (544, 960), (384, 640)), 0.6)
    best = choice_of(sized(model, None, "best"))
    assert best == SizeChoice(((416, 416), (544, 960), (384, 640), (736, 1280)), 1.0)


def test_each_size_has_its_thresholds() -> None:
    model = several()
    own, wide, narrow = (at_size(model, hw) for hw in ((416, 416), (544, 960), (384, 640)))
    assert [each.input.hw for each in (own, wide, narrow) if each.input] == [
        *((416, 416), (544, 960), (384, 640))
    ]
    assert [each.score_thresh for each in (own, wide, narrow)] == [0.3, 0.35, 0.3]
    assert wide.tracking is not None
    assert wide.tracking.new_thresh == 0.45
    assert narrow.tracking == own.tracking
    turned = at_size(sized(model, None, "balanced"), (960, 544))
    assert turned.score_thresh == 0.35


def test_a_size_that_is_not_stated_has_the_thresholds_of_the_nearest() -> None:
    assert at_size(several(), (576, 960)).score_thresh == 0.35


def test_one_size_is_as_if_there_were_no_other() -> None:
    model = limited(several(), SizeChoice(((544, 960),), 0.6))
    assert (model.hws, used_hws(model), model.score_thresh) == ((), ((544, 960),), 0.35)
    assert choice_of(model) is None


def test_what_a_network_does_not_take_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be auto or 416x416, the one size that"):
        sized(load_model_config("yolox_nano"), (544, 960), "auto")
    with pytest.raises(ConfigError, match=r"multiples of 32.* got 540x960"):
        sized(several(), (540, 960), "auto")
    with pytest.raises(ConfigError, match="runs no network"):
        at_size(load_model_config("hog_people"), (544, 960))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"sizes": [{"hw": [416, 416]}]}, r"\[416, 416\] stands twice"),
        ({"sizes": [{"hw": [400, 416]}]}, r"multiples of 32, got \[400, 416\]"),
        ({"sizes": [{"hw": [352, 416]}], "transform": {"kind": "shortest_edge"}}, "letterbox"),
        ({"sizes": [{"hw": [352, 416]}], "input": None}, "sizes go with `input`"),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    change: dict[str, object], problem: str, tmp_path: Path
) -> None:
    values = load_model_config("yolox_nano").model_dump(mode="json", exclude_none=True)
    values |= change
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({key: each for key, each in values.items() if each is not None}))
    with pytest.raises(ConfigError, match=problem):
        load_model_config(str(path))


def test_a_transform_makes_images_of_the_size_for_each_source() -> None:
    model = sized(several(), None, "balanced")
    kind = load("transform", "letterbox")
    transform = kind(kind.Options(**model.transform_options))
    assert transform.output_hw((480, 640)) == (416, 416)
    assert transform.output_hw((1920, 1080)) == (960, 544)
    assert transform.max_output_hw == (544, 960)
