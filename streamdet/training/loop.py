"""The loop: batches -> losses -> weights, with checkpoints and measurements in between.

Chance: before each step torch's generator and the objective's are seeded with (seed, step), so a
run that goes on from a checkpoint draws what an unbroken one draws.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError, EngineError
from streamdet.models.model_config import ImageInput
from streamdet.training.checkpoint import CHECKPOINT, Checkpoint, write_checkpoint
from streamdet.training.kept_outputs import KeptOutputs
from streamdet.training.moving_average import MovingAverage
from streamdet.training.objectives import Objective
from streamdet.training.optimiser import (
    clip,
    frozen_modules,
    make_optimiser,
    rate_share,
    set_rate,
)
from streamdet.training.recipe import Recipe
from streamdet.training.recipe import digest as recipe_digest
from streamdet.training.samples import (
    Batch,
    Samples,
    batches,
    keys_of_steps,
    steps_per_epoch,
)
from streamdet.training.target import Target
from streamdet.training.torch_runtime import normalised

METRIC: Final = "AP"
"""By which the best weights are chosen."""

_STEP = 3  # what chance is for, beside samples.py's 1 and 2


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that was made; steps and epochs count from 1."""

    step: int
    epoch: int
    rate: float
    losses: dict[str, float]
    gradient: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement after a step; that of step 0 is of the network as it began."""

    step: int
    epoch: int
    metrics: dict[str, float]
    is_best: bool


Event = StepDone | Measured


class Stopped(Exception):  # noqa: N818 (no error: somebody wants to go on later)
    """A measurement was broken off; it is made when the training goes on."""


class TrainingCallbacks(Protocol):
    """Who takes part in a training besides: measures, keeps, and says when to stop."""

    def measure(self, network: nn.Module) -> dict[str, float] | None:
        """Measure a network in evaluation mode: `METRIC` and more; None: there is nothing to.

        Raises:
            Stopped: it was broken off.
        """
        ...

    def keep(self, network: nn.Module, step: int) -> None:
        """Keep these weights as the result."""
        ...

    def wants_stop(self) -> bool:
        """Say whether to stop after this step."""
        ...


class Team(Protocol):
    """Who computes the losses of a step: this process, or several; see parallel.py.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
    """

    rank: int
    size: int

    def losses(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute the losses of this process's images, as an objective does."""
        ...

    def mean(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Average the losses of all processes."""
        ...


class Alone:
    """One process."""

    rank = 0
    size = 1

    def __init__(self, objective: Objective) -> None:
        """Compute the losses by the objective."""
        self.losses = objective

    def mean(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the losses."""
        return losses


class Loop:
    """One training, which can go on from its checkpoint.

    Attributes:
        team: who computes; several processes put their own here before they begin.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: nn.Module,
        objective: Objective,
        samples: Samples,
        image_input: ImageInput,
        folder: Path,
    ) -> None:
        """Join what takes part.

        Args:
            recipe: how.
            network: as it starts; on the device that computes.
            objective: made for this network.
            samples: what is learnt from.
            image_input: how the network wants its images.
            folder: gets the checkpoint.

        Raises:
            ConfigError: the recipe freezes everything, or something that is not there; or it keeps
                what a part that learns computes.
        """
        self.network = network
        self._recipe = recipe
        self.objective = objective
        self.team: Team = Alone(objective)
        self._samples = samples
        self._input = image_input
        self._data = samples.digest
        self._path = folder / CHECKPOINT
        self._device = next(network.parameters()).device
        self._optimiser = make_optimiser(network, recipe.optimiser)
        self._frozen = frozen_modules(network, recipe.optimiser.frozen)
        self._kept = None
        if recipe.kept is not None:
            self._kept = KeptOutputs(network, recipe.kept, len(samples))
        self._average = None if recipe.ema is None else MovingAverage(network, recipe.ema)
        self._start = copy.deepcopy(network.state_dict()) if recipe.start_share else None
        self.per_epoch = steps_per_epoch(len(samples), recipe.batch)
        self.steps = recipe.epochs * self.per_epoch
        self.step = 0
        self.best: float | None = None
        self.measured = 0

    @property
    def device(self) -> torch.device:
        """What computes."""
        return self._device

    @property
    def image_count(self) -> int:
        """Images of an epoch."""
        return len(self._samples)

    @property
    def is_done(self) -> bool:
        """Whether all steps are made and measured."""
        return self.step == self.measured == self.steps

    @property
    def result(self) -> nn.Module:
        """What is measured and kept: the moving average, or the network itself.

        With a share of the start in it: Wortsman et al., "Robust fine-tuning of zero-shot models",
        CVPR 2022, equation 1.
        """
        learnt = self.network if self._average is None else self._average.network
        if self._start is None:
            return learnt
        mixed = copy.deepcopy(learnt)
        for name, value in mixed.state_dict().items():
            if value.is_floating_point():
                value.lerp_(self._start[name], self._recipe.start_share)
        return mixed

    def go_on_from(self, found: Checkpoint) -> None:
        """Go on from a checkpoint of the same recipe.

        Raises:
            ConfigError: it is of other labels.
        """
        if found.data != self._data:
            raise ConfigError(
                f"{self._path}: was begun with other labels, wanted the same to go on;"
                " another --output begins anew"
            )
        self.network.load_state_dict(found.network)
        if self._average is not None and found.average is not None:
            self._average.load_state_dict(found.average)
        self._optimiser.load_state_dict(found.optimiser)
        self.step, self.measured, self.best = found.step, found.measured, found.best

    def run(self, company: TrainingCallbacks) -> Iterator[Event]:
        """Train to the end, or until somebody wants to stop; a checkpoint is there afterwards.

        Raises:
            EngineError: a loss is no finite number any more.
            ConfigError: an image cannot be read.
        """
        self.save()
        try:
            yield from self._measure_start(company)
            yield from self._measure_if_due(company)
            for batch in self._batches():
                yield self._train(batch)
                if self.step % self._recipe.checkpoint_every == 0:
                    self.save()
                yield from self._measure_if_due(company)
                if company.wants_stop():
                    break
        except ConfigError:  # an image cannot be read: what was learnt stays
            self.save()
            raise
        except Stopped:
            pass
        self.save()

    def save(self) -> None:
        """Write the checkpoint; of several processes the first does."""
        if self.team.rank > 0:
            return
        checkpoint = Checkpoint(
            recipe=recipe_digest(self._recipe),
            data=self._data,
            step=self.step,
            measured=self.measured,
            best=self.best,
            network=self.network.state_dict(),
            average=None if self._average is None else self._average.state_dict(),
            optimiser=self._optimiser.state_dict(),
        )
        write_checkpoint(checkpoint, self._path)

    def _batches(self) -> Iterator[Batch]:
        recipe = self._recipe
        if self._kept is not None:
            keys = keys_of_steps(self._samples, recipe.batch, self.step, self.steps)
            return self._kept.batches(self._samples, keys)
        return batches(
            self._samples,
            recipe.batch,
            first_step=self.step,
            last_step=self.steps,
            workers=recipe.workers,
            share=(self.team.rank, self.team.size),
        )

    def _train(self, batch: Batch) -> StepDone:
        self._seed()
        self.network.train()
        for module in self._frozen:
            module.eval()
        rate = self._recipe.optimiser.rate * rate_share(
            self.step, self.steps, self._recipe.schedule
        )
        set_rate(self._optimiser, rate)
        losses = self._losses(batch)
        self._optimiser.zero_grad(set_to_none=True)
        torch.stack([*losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
        losses = self.team.mean(losses)
        gradient = clip(self.network, self._recipe.optimiser.clip)
        self._check_finite({**losses, "gradient": torch.tensor(gradient)})
        self._optimiser.step()
        if self._average is not None:
            self._average.update(self.network, self.step)
        self.step += 1
        named = {name: float(value.detach()) for name, value in losses.items()}
        return StepDone(self.step, (self.step - 1) // self.per_epoch + 1, rate, named, gradient)

    def _seed(self) -> None:
        numbers = [_STEP, self._recipe.seed, self.step]
        if self.team.rank > 0:
            numbers.append(self.team.rank)
        words = np.random.SeedSequence(numbers).generate_state(2)
        torch.manual_seed(int(words[0]))
        self.objective.generator.manual_seed(int(words[1]))

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        images = self._images(batch)
        targets = [target.to(self._device) for target in batch.targets]
        is_mixed = self._recipe.precision == "bf16"
        kept = nullcontext() if self._kept is None else self._kept.in_use(batch.keys)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=is_mixed), kept:
            return self.team.losses(images, targets)

    def _images(self, batch: Batch) -> Tensor:
        """Give images (B, 3, H, W); of a blank batch they take no memory."""
        if batch.is_blank:
            blank = torch.zeros(1, device=self._device)
            return blank.expand(*batch.pixels.shape).permute(0, 3, 1, 2)
        return normalised(batch.pixels.to(self._device), self._input)

    def _check_finite(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            if not bool(value.isfinite()):
                raise EngineError(
                    f"the loss {name!r} of step {self.step + 1} is {value.item()}, wanted a finite"
                    f" number: lower optimiser.rate ({self._recipe.optimiser.rate:g}) or raise"
                    " schedule.warmup_steps, and begin anew with another --output"
                )

    def _measure_start(self, company: TrainingCallbacks) -> Iterator[Measured]:
        if self.step == 0 and (metrics := company.measure(self.result.eval())) is not None:
            yield Measured(0, 0, metrics, is_best=False)

    def _measure_if_due(self, company: TrainingCallbacks) -> Iterator[Measured]:
        every = self.per_epoch * self._recipe.validate_every
        is_due = self.step == self.steps or (self.step > 0 and self.step % every == 0)
        if not is_due or self.measured == self.step:
            return
        result = self.result.eval()
        metrics = company.measure(result)
        self.measured = self.step
        if metrics is None:
            company.keep(result, self.step)
            self.save()
            return
        is_best = self.best is None or metrics[METRIC] > self.best
        if is_best:
            self.best = metrics[METRIC]
            company.keep(result, self.step)
        self.save()
        yield Measured(self.step, self.step // self.per_epoch, metrics, is_best)
