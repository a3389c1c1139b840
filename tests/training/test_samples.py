"""Samples: what a network sees, in an order that only the seed decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.image import ArrayImage
from streamdet.models.model_config import ModelConfig, TransformConfig, load_model_config
from streamdet.training.examples import Example, Faults, examples_of
from streamdet.training.recipe import Augmentation, DataSource
from streamdet.training.samples import Samples, batches, fixed_transform, steps_per_epoch
from streamdet.training.torch_runtime import normalised
from tests.training.toy_training import write_images

STILL = Augmentation(flip=0.0, scale=(1.0, 1.0), hue=0.0, saturation=0.0, brightness=0.0)


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    write_images(tmp_path)
    source = DataSource(truth=tmp_path / "train.json", images=tmp_path / "images")
    return examples_of(source, ("cat",), Faults(are_skipped=False))


def samples_of(examples: list[Example], options: Augmentation, seed: int = 0) -> Samples:
    model = load_model_config("yolox_nano")
    return Samples(examples, options, model, seed=seed, has_masks=False)


def test_without_variation_a_network_sees_what_it_sees_in_a_run(examples: list[Example]) -> None:
    model = load_model_config("yolox_nano")
    pixels, target = samples_of(examples, STILL)[0, 2]
    out = np.empty((416, 416, 3), np.uint8)
    image = ArrayImage(read_image(examples[2].path))
    geometry = fixed_transform(model)(image, out)
    np.testing.assert_array_equal(pixels, out)
    boxes = examples[2].read(has_masks=False).xyxy
    np.testing.assert_array_equal(target.xyxy.numpy(), geometry.to_prepared(boxes))


def test_normalisation_is_the_runtimes() -> None:
    image = load_model_config("faster_rcnn_resnet18").input
    assert image is not None
    pixels = torch.tensor([104, 116, 124], dtype=torch.uint8).expand(2, 4, 5, 3)  # BGR
    seen = normalised(pixels, image)
    assert seen.shape == (2, 3, 4, 5)
    expected = (torch.tensor([124.0, 116, 104]) - torch.tensor(image.mean)) / torch.tensor(
        image.std
    )
    torch.testing.assert_close(seen[1, :, 3, 4], expected)


def test_a_sample_is_the_same_whenever_it_is_asked_for(examples: list[Example]) -> None:
    options = Augmentation(mosaic=0.5, crop=0.5)
    one, other = samples_of(examples, options), samples_of(examples, options)
    other[0, 0], other[3, 1]
    for key in ((0, 1), (1, 1), (1, 5)):
        np.testing.assert_array_equal(one[key][0], other[key][0])
    assert not np.array_equal(one[0, 1][0], one[1, 1][0])  # another epoch, another variation
    assert not np.array_equal(one[0, 1][0], samples_of(examples, options, seed=1)[0, 1][0])


def test_each_epoch_shows_every_image_once_in_an_order_of_its_own(
    examples: list[Example],
) -> None:
    samples = samples_of(examples, STILL)
    orders = [samples.order(epoch) for epoch in (0, 1)]
    assert [sorted(index for _, index in order) for order in orders] == [[*range(6)]] * 2
    assert [index for _, index in orders[0]] != [index for _, index in orders[1]]


def test_batches_from_a_later_step_are_those_of_the_whole(examples: list[Example]) -> None:
    samples = samples_of(examples, STILL)
    whole = [*batches(samples, 4, first_step=0, last_step=4, workers=0)]
    rest = [*batches(samples, 4, first_step=2, last_step=4, workers=0)]
    assert steps_per_epoch(6, 4) == 1
    assert len(whole) == 4
    for one, other in zip(whole[2:], rest, strict=True):
        assert torch.equal(one.pixels, other.pixels)


def test_a_step_shows_its_images_at_one_of_several_sizes(examples: list[Example]) -> None:
    model, hws = load_model_config("yolox_nano"), [(64, 96), (96, 64)]
    samples = Samples(examples, STILL, model, seed=0, has_masks=False, hws=hws)
    steps = [*batches(samples, 2, first_step=0, last_step=12, workers=0)]
    shown = [tuple(step.pixels.shape[1:3]) for step in steps]
    assert {*shown} == {*hws}
    later = [*batches(samples, 2, first_step=9, last_step=12, workers=0)]
    assert [tuple(step.pixels.shape[1:3]) for step in later] == shown[9:]
    for step in steps:
        height, width = step.pixels.shape[1:3]
        for target in step.targets:  # 48 x 64 images of 30 x 20 boxes, scaled to fit
            scale = min(height / 48, width / 64)
            assert (target.xyxy[:, 2] - target.xyxy[:, 0]).numpy() == pytest.approx(
                30 * scale, abs=1
            )


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_image_is_told_in_one_sentence(examples: list[Example], workers: int) -> None:
    samples = samples_of(examples, STILL)
    (_, last) = samples.order(epoch=0)[-1]
    examples[last].path.write_bytes(b"")
    made = batches(samples, 2, first_step=0, last_step=3, workers=workers)
    assert [len(next(made).targets) for _ in range(2)] == [2, 2]  # what comes before it is used
    with pytest.raises(ConfigError) as caught:
        next(made)
    reason = "unsupported or corrupt (the file is empty)"
    assert str(caught.value) == f"{examples[last].path}: cannot be read as an image: {reason}"


def test_fewer_images_than_a_batch_are_one_step() -> None:
    assert steps_per_epoch(3, 8) == 1


def test_a_transform_of_varying_size_is_refused() -> None:
    model: ModelConfig = load_model_config("yolox_nano").model_copy(
        update={"transform": TransformConfig.model_validate({"kind": "shortest_edge"})}
    )
    model = model.model_copy(
        update={"transform": TransformConfig.model_validate({"kind": "letterbox", "hw": (32, 32)})}
    )
    with pytest.raises(ConfigError, match="must always make images of 416 x 416 pixels"):
        fixed_transform(model)
