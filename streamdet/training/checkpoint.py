"""Checkpoints: everything that a training goes on from, in one file that is never half written.

Chance needs no place in it: each step draws from generators that are seeded with the step's number.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import torch

from streamdet.errors import ConfigError
from streamdet.system.atomic_file import written_whole

CHECKPOINT: Final = "checkpoint.pt"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training between two steps.

    Attributes:
        recipe: digest of what decides over the weights.
        data: digest of the labels.
        step: steps that were made.
        measured: step of the last measurement; 0: none.
        best: its metric at the best of them; None: none.
        network: weights.
        average: their moving average; None: the recipe wants none.
        optimiser: its state.
    """

    recipe: str
    data: str
    step: int
    measured: int
    best: float | None
    network: dict[str, Any]
    average: dict[str, Any] | None
    optimiser: dict[str, Any]


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; whoever is killed meanwhile leaves the one before it.

    Raises:
        EngineError: it cannot be written there.
    """
    values = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    with written_whole(path) as file:
        torch.save({"version": _VERSION, **values}, file)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; no code in it is run.

    Raises:
        ConfigError: it is missing, damaged, or none.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no checkpoint to go on from")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        if values.pop("version") != _VERSION:
            raise ConfigError(f"{path}: was written by another version of streamdet")
        return Checkpoint(**values)
    except (RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError,
            AttributeError) as exc:  # fmt: skip
        raise ConfigError(f"{path}: is no whole checkpoint of a training") from exc
