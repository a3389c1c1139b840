"""Samples of a training: images as the network will see them, varied, in a random order.

Chance: sample `index` of epoch `epoch` is drawn from a generator of (seed, epoch, index), so that
no process has to remember anything, and any number of workers prepares the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from streamdet.detectors.parts.network import image_hw
from streamdet.errors import ConfigError
from streamdet.image import Pixels
from streamdet.models.model_config import Hw, ModelConfig
from streamdet.registry import load
from streamdet.system.stop_signals import STOP_SIGNALS
from streamdet.training.augmentation import Rng, augmented, mosaic
from streamdet.training.examples import Example, digest
from streamdet.training.labelled_image import LabelledImage, Pad
from streamdet.training.recipe import Augmentation
from streamdet.training.target import Target
from streamdet.transforms import Transform

Key = tuple[int, ...]
"""Epoch and index of an example; then which of the sizes it is shown at, if not the first."""

_Sample = tuple[Pixels, Target] | ConfigError

_ORDER, _SAMPLE, _SIZE = 1, 2, 4  # what chance is for, as loop.py's 3: without it, (seed, 3) and
# (seed, 3, 0) are the same
_GREY: Final = 114


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of one step.

    Attributes:
        pixels: (B, H, W, 3) uint8 BGR.
        targets: the truth of each.
        keys: which samples they are, where what is known of them is kept; see kept_outputs.py.
        is_blank: whether nobody needs the pixels, which show nothing then.
    """

    pixels: Tensor
    targets: tuple[Target, ...]
    keys: tuple[Key, ...] = ()
    is_blank: bool = False


class Samples(Dataset[tuple[Pixels, Target]]):
    """Prepares samples; `samples[epoch, index]` is always the same.

    Attributes:
        digest: of the labels.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        options: Augmentation,
        model: ModelConfig,
        *,
        seed: int,
        has_masks: bool,
        hws: Sequence[Hw] = (),
    ) -> None:
        """Join the examples with the transform that the model states.

        Raises:
            ConfigError: the transform makes images of several sizes, or not of those of `hws`.
        """
        self._examples = examples
        self.digest = digest(examples)
        self._options = options
        self._transforms = [fixed_transform(_shown_at(model, hw)) for hw in hws] or [
            fixed_transform(model)
        ]
        self._keeps_shape = model.transform.kind == "letterbox"
        self._pad: Pad = model.transform_options.get("pad", _GREY)
        self._seed = seed
        self._has_masks = has_masks
        self._alike: dict[tuple[bool, ...], list[int]] = {}
        for index, example in enumerate(examples):
            self._alike.setdefault(example.is_labelled, []).append(index)

    def __len__(self) -> int:
        """Count the examples."""
        return len(self._examples)

    def __getitem__(self, key: Key) -> tuple[Pixels, Target]:
        """Prepare one sample.

        Raises:
            ConfigError: its image cannot be read.
        """
        epoch, index, *size = key
        transform = self._transforms[size[0] if size else 0]
        hw = transform.max_output_hw
        rng = np.random.default_rng([_SAMPLE, self._seed, epoch, index])
        image, magnified = self._image(index, hw, rng)
        shape = hw if self._keeps_shape else None
        pad = self._pad if isinstance(self._pad, int) else (*self._pad,)
        varied = augmented(image, self._options, rng, shape, pad, magnified)
        prepared = varied.prepared(transform).clipped(min_visible=0.0)
        return prepared.pixels, target_of(prepared)

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of a sample, pixels; of the first size where there are several."""
        return self._transforms[0].max_output_hw

    def batch(self, keys: Sequence[Key]) -> Batch:
        """Prepare a batch.

        Raises:
            ConfigError: an image cannot be read.
        """
        return _joined([self[key] for key in keys])

    def order(self, epoch: int) -> list[Key]:
        """Shuffle the examples for an epoch."""
        rng = np.random.default_rng([_ORDER, self._seed, epoch])
        return [(epoch, int(index)) for index in rng.permutation(len(self._examples))]

    def size_of(self, step: int) -> int:
        """Draw which of the sizes a step shows its images at."""
        rng = np.random.default_rng([_SIZE, self._seed, step])
        return int(rng.integers(len(self._transforms)))

    def _image(self, index: int, hw: Hw, rng: Rng) -> tuple[LabelledImage, float]:
        """Read the image, or make a mosaic with three others; and how much to magnify it."""
        image = self._read(index)
        if rng.random() >= self._options.mosaic:
            return image, 1.0
        alike = self._alike[self._examples[index].is_labelled]
        others = [self._read(alike[int(n)]) for n in rng.integers(len(alike), size=3)]
        return mosaic([image, *others], hw, rng, self._pad), 2.0

    def _read(self, index: int) -> LabelledImage:
        return self._examples[index].read(has_masks=self._has_masks)


def _shown_at(model: ModelConfig, hw: Hw) -> ModelConfig:
    assert model.input is not None
    return model.model_copy(update={"input": model.input.model_copy(update={"hw": hw})})


def fixed_transform(model: ModelConfig) -> Transform:
    """Make a model's transform.

    Raises:
        ConfigError: it makes images of several sizes, or of another than the network takes.
    """
    kind = load("transform", model.transform.kind)
    transform: Transform = kind(kind.Options(**model.transform_options))
    wanted = image_hw(load("detector", model.detector), model)
    hw = wanted or transform.max_output_hw
    if transform.output_hw((1, 9)) != hw or transform.output_hw((9, 1)) != hw:
        reason = "" if wanted is None else ", as its network takes them"
        raise ConfigError(
            f"model {model.name!r}: its transform must always make images of {hw[0]} x {hw[1]}"
            f" pixels{reason}"
        )
    return transform


def target_of(image: LabelledImage) -> Target:
    """Turn a prepared image's labels into tensors."""
    return Target(
        xyxy=torch.from_numpy(image.xyxy),
        class_ids=torch.from_numpy(image.class_ids),
        ignored=torch.from_numpy(image.ignored),
        is_labelled=torch.from_numpy(image.is_labelled),
        masks=None if image.masks is None else torch.from_numpy(image.masks),
        keypoints=None if image.keypoints is None else torch.from_numpy(image.keypoints),
    )


def steps_per_epoch(examples: int, batch: int) -> int:
    """Count the batches of an epoch: all full, but where there are fewer images than one has."""
    return max(1, examples // batch)


def batches(
    samples: Samples,
    size: int,
    *,
    first_step: int,
    last_step: int,
    workers: int,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Batch]:
    """Prepare the batches of the steps from `first_step` until before `last_step`.

    Args:
        samples: of the training.
        size: of a batch.
        first_step: from 0.
        last_step: is not made.
        workers: processes that prepare.
        share: (r, n): only the samples r, r + n, r + 2 n and so on of each batch.

    Raises:
        ConfigError: an image cannot be read.
    """
    loader: DataLoader[Any] = DataLoader(
        _Readable(samples),
        batch_sampler=[
            keys[share[0] :: share[1]]
            for keys in keys_of_steps(samples, size, first_step, last_step)
        ],
        num_workers=workers,
        collate_fn=_collated,
        worker_init_fn=_start_worker,
        generator=torch.Generator(),  # not torch's own, whose state must not depend on the start
    )
    for batch in loader:
        if isinstance(batch, ConfigError):
            raise batch
        yield batch


class _Readable(Dataset[_Sample]):
    """Samples, or why there is none: torch makes a traceback of an error that a worker raises."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getitem__(self, key: Key) -> _Sample:
        try:
            return self._samples[key]
        except ConfigError as exc:
            return exc


def keys_of_steps(
    samples: Samples, size: int, first_step: int, last_step: int
) -> Iterator[list[Key]]:
    """List the samples of each step from `first_step` until before `last_step`."""
    per_epoch = steps_per_epoch(len(samples), size)
    order: list[Key] = []
    for step in range(first_step, last_step):
        epoch, place = divmod(step, per_epoch)
        if not order or place == 0:
            order = samples.order(epoch)
        shown_at = samples.size_of(step)
        yield [(*key, shown_at) for key in order[place * size : (place + 1) * size]]


def _collated(samples: Sequence[_Sample]) -> Batch | ConfigError:
    """Join samples to a batch, or return the first error among them."""
    read = []
    for sample in samples:
        if isinstance(sample, ConfigError):
            return sample
        read.append(sample)
    return _joined(read)


def _joined(samples: Sequence[tuple[Pixels, Target]]) -> Batch:
    pixels, targets = zip(*samples, strict=True)
    return Batch(torch.from_numpy(np.stack(pixels)), targets)


def _start_worker(_number: int) -> None:
    """Leave stop signals, which reach the whole group, to the main process; cores to the network.

    A worker whose main process is gone ends by itself.
    """
    import signal

    import cv2

    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)
