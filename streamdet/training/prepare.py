"""From a recipe to a training that is ready to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from streamdet.building.build import make_network
from streamdet.config.options import Options
from streamdet.config.suggestions import nearest
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError
from streamdet.models.model_config import ImageInput, ModelConfig
from streamdet.registry import load_network, load_objective
from streamdet.system.process import keep_freed_memory
from streamdet.training.checkpoint import CHECKPOINT, Checkpoint, read_checkpoint
from streamdet.training.examples import Example, Faults, examples_of
from streamdet.training.loop import Loop
from streamdet.training.proposing_network import check_proposing
from streamdet.training.recipe import Recipe
from streamdet.training.recipe import digest as recipe_digest
from streamdet.training.result_model import find_model, write_model
from streamdet.training.samples import Samples, batches
from streamdet.training.start_weights import classes_of, give_start
from streamdet.training.torch_runtime import normalised
from streamdet.training.validation import ValidationSet, measured_options, validation_sets

_BATCH: Final = 16
_BATCHES: Final = 8  # of images that norms are measured on, where a file has none


@dataclass(frozen=True, slots=True)
class PreparedTraining:
    """A training that has not begun.

    Attributes:
        loop: goes through the steps.
        model: what comes out, as yet without weights.
        validation: what is measured on.
        options: of the detector while it is measured.
        faults: of the labels that were left out.
        told: what a user should know before it begins, a sentence each.
    """

    loop: Loop
    model: ModelConfig
    validation: tuple[ValidationSet, ...]
    options: Any
    faults: tuple[str, ...]
    told: tuple[str, ...]


def prepare(
    recipe: Recipe, text: YamlText, folder: Path, *, resumes: bool = False
) -> PreparedTraining:
    """Read the labels, make the network and its objective.

    Args:
        recipe: checked.
        text: what it was checked from, for errors.
        folder: of the results; it is there.
        resumes: whether to go on from the checkpoint in it.

    Raises:
        ConfigError: the recipe, a label or a file of weights is wrong, or there is no checkpoint
            to go on from.
        EngineError: torch is missing.
    """
    found = _checkpoint(recipe, folder) if resumes else None
    before = find_model(recipe)
    classes = recipe.classes or before.classes
    stated = {**(before.network or {}), **recipe.network}
    network_options = _checked_options(
        load_network(before.detector).Options, text, "network", stated
    )
    faults = Faults(are_skipped=recipe.data.bad_labels == "skip")
    examples = _examples(recipe, classes, faults)
    measured_faults = Faults(are_skipped=faults.are_skipped)
    sources = validation_sets(recipe.data, classes, measured_faults)
    validation = tuple(each for each in sources if each.has_objects)
    model = write_model(recipe, folder, keeps_weights=resumes)
    assert model.input is not None
    network = _network(model, recipe.seed)
    if recipe.hws and recipe.kept is not None:
        raise ConfigError("kept: goes with one size of images, not with hws")
    if recipe.hws and not getattr(network, "takes_any_hw", False):
        raise ConfigError(f"hws: the network of model {model.name!r} takes images of one size")
    samples = Samples(
        examples,
        recipe.augmentation,
        model,
        seed=recipe.seed,
        has_masks=getattr(network_options, "has_masks", False),
        hws=recipe.hws,
    )
    told = [*dict.fromkeys((*faults.notes, *measured_faults.notes))]
    if found is None or recipe.start_share:  # else the checkpoint has all weights
        backbone = (model.network or {}).get("backbone")
        images = _images(samples, model.input, network)
        own_classes = classes_of(network, model) if recipe.start.model is not None else None
        told += give_start(network, recipe.start, backbone, own_classes, images, model.input.hw)
    if len(validation) < len(sources):
        few = len(sources) - len(validation)
        told.append(f"{few} of {len(sources)} sources to measure on hold no objects: left out")
    kind: Any = load_objective(model.detector)
    wanted = _checked_options(kind.Options, text, "objective", recipe.objective)
    if (proposing := getattr(wanted, "proposals_from", None)) is not None:
        check_proposing(proposing, model.input)
    objective = kind(network, wanted)
    loop = Loop(recipe, network, objective, samples, model.input, folder)
    if found is not None:
        loop.go_on_from(found)
    built_in = getattr(network_options, "score_thresh", 0.0)
    options = measured_options(model, built_in, text, recipe.detector)
    sentences = _joined(faults.sentences, measured_faults.sentences)
    return PreparedTraining(loop, model, validation, options, sentences, tuple(told))


@contextmanager
def reproducible(recipe: Recipe) -> Iterator[None]:
    """Have torch compute as the recipe says: threads, and the same result each time.

    Memory that torch has not written yet stays as it is: nothing here reads it, and filling it,
    which torch does by default where results must be the same, takes a tenth of a step.
    """
    keep_freed_memory()
    settings: Any = torch.utils.deterministic
    filled, settings.fill_uninitialized_memory = settings.fill_uninitialized_memory, False
    threads, was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(recipe.is_deterministic and not torch.cuda.is_available())
    try:
        yield
    finally:
        settings.fill_uninitialized_memory = filled
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(was)


def _checkpoint(recipe: Recipe, folder: Path) -> Checkpoint:
    found = read_checkpoint(folder / CHECKPOINT)
    if found.recipe != recipe_digest(recipe):
        raise ConfigError(
            f"{folder / CHECKPOINT}: was begun with another recipe, wanted the same to go on;"
            " another --output begins anew"
        )
    return found


def _examples(recipe: Recipe, classes: Sequence[str], faults: Faults) -> list[Example]:
    examples: list[Example] = []
    for source in recipe.data.train:
        examples += examples_of(source, classes, faults) * source.repeat
    labelled = {
        name
        for example in examples
        for name, is_labelled in zip(classes, example.is_labelled, strict=True)
        if is_labelled
    }
    for name in classes:
        if name not in labelled:
            raise ConfigError(
                f"model {recipe.name!r}: no training source labels its class {name!r};"
                f" {nearest(name, labelled)}"
            )
    if not any(example.objects for example in examples):
        raise ConfigError(f"model {recipe.name!r}: no training source has an object of its classes")
    return examples


def _joined(sentences: Sequence[str], later: Sequence[str]) -> tuple[str, ...]:
    """Join faults of two readings: of sources that were read twice, each counts once."""
    known = frozenset(sentences)
    return (*sentences, *(each for each in later if each not in known))


def _network(model: ModelConfig, seed: int) -> nn.Module:
    assert model.folder is not None
    try:
        network = make_network(str(model.folder / f"{model.name}.yaml"), seed)
    except ValueError as exc:
        raise ConfigError(f"model {model.name!r}: its network cannot be made: {exc}") from exc
    assert isinstance(network, nn.Module)
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


def _images(samples: Samples, image_input: ImageInput, network: nn.Module) -> Iterator[Tensor]:
    """Prepare the first images of a training, to measure norms on."""
    device = next(network.parameters()).device
    for batch in batches(samples, _BATCH, first_step=0, last_step=_BATCHES, workers=0):
        yield normalised(batch.pixels.to(device), image_input)


def _checked_options(kind: type[Options], text: YamlText, key: str, values: Any) -> Options:
    return checked(kind, text, (key,), values)
