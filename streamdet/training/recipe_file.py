"""A recipe's file, with what the command line changes in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamdet.config.files import find_own_or_shipped
from streamdet.config.overrides import put, put_value, split_set
from streamdet.config.yaml_loader import YamlText, read_yaml
from streamdet.errors import ConfigError
from streamdet.system.redaction import short


def find_recipe(path: Path) -> Path:
    """Find a recipe: the path itself, else the shipped recipe of that name.

    Raises:
        ConfigError: there is neither; the text names the nearest shipped recipe.
    """
    return find_own_or_shipped(path, "configs/recipes", "recipe")


def read_recipe(path: Path, sets: Sequence[str]) -> YamlText:
    """Parse a recipe and apply KEY.KEY=VALUE; errors will name the option instead of a line.

    Raises:
        ConfigError: the file is no YAML, or an option cannot be applied.
    """
    text = read_yaml(path)
    if not isinstance(text.values, dict):
        raise ConfigError(f"{path}: must hold keys and values")
    for entry in sets:
        _set(text, entry)
    return text


def use_images(text: YamlText, truth: str | None, images: str | None, classes: str | None) -> None:
    """Put images of the user's own in the place of a recipe's only source.

    Args:
        text: the recipe.
        truth: the labels.
        images: folder of the images.
        classes: to learn, with commas between them.

    Raises:
        ConfigError: the recipe has several sources, or a class no name.
    """
    stated = {"truth": truth, "images": images}
    for key, value in stated.items():
        if value is not None:
            _check_only_source(text, f"--{key}")
            put_value(text, ("data", "train", "0", key), value, f"--{key}")
    if classes is not None:
        names = [name.strip() for name in classes.split(",")]
        if not all(names):
            raise ConfigError(f"--classes {short(classes)}: must be names with commas between them")
        if len(set(names)) < len(names):
            raise ConfigError(f"--classes {short(classes)}: names must differ")
        put_value(text, ("classes",), names, "--classes")


def _check_only_source(text: YamlText, option: str) -> None:
    match text.values.get("data"):
        case {"train": [{}], **others} if not others.get("validation"):
            return
    raise ConfigError(
        f"{option}: goes with a recipe of one source of images, not with {text.name}: copy it and"
        " change its `data`"
    )


def _set(text: YamlText, entry: str) -> None:
    put(text, *split_set(entry, "KEY.KEY=VALUE, for example optimiser.rate=0.01"))
