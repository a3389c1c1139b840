"""What is fitted by linear SVMs instead of gradients; `registry.FITTINGS` has the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from streamdet.config.yaml_loader import YamlText
from streamdet.training.validation import ValidationSet

Tell = Callable[[str], None]
"""Takes a sentence for the user."""

Item = TypeVar("Item")


class Through(Protocol):
    """Goes through images and shows how far it is."""

    def __call__(self, items: Sequence[Item], /) -> Iterator[Item]:
        """Yield the items."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fitting leaves.

    Attributes:
        config: the model's file, its weights beside it.
        validation: what is to be measured on.
    """

    config: Path
    validation: tuple[ValidationSet, ...]


class Fitting(Protocol):
    """Fits a model by a recipe that says `fit: KIND`."""

    def __init__(self, recipe: Any, text: YamlText, folder: Path) -> None:
        """Read what the recipe names.

        Args:
            recipe: of the model that `registry.FITTINGS` names.
            text: what it was checked from, for errors.
            folder: of the results.

        Raises:
            ConfigError: a label or a file is wrong.
        """
        ...

    def __call__(self, tell: Tell, through: Through) -> Fitted:
        """Fit, and write the model.

        Raises:
            ConfigError: there is too little to learn from.
            EngineError: a library is missing.
        """
        ...
