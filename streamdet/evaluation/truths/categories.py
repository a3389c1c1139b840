"""Categories of one name: labelling tools write some that nothing uses."""

from __future__ import annotations

from dataclasses import replace

from streamdet.errors import ConfigError
from streamdet.evaluation.truth import Truth


def without_twins(truth: Truth) -> Truth:
    """Leave out each category whose name another one has, and which no object uses.

    Roboflow's first category is the group of the others, and may be called like one of them. Of
    several that nothing uses, the last one is kept.

    Raises:
        ConfigError: objects use two of one name.
    """
    used = {each.category_id for each in truth.objects}
    kept: dict[str, int] = {}
    for number, name in truth.categories.items():
        other = kept.get(name)
        if other in used and number in used:
            raise ConfigError(
                f"{truth.name}: categories: {name!r} is there twice, with id {other} and id"
                f" {number}, and objects use both; rename one, or give its objects the other id"
            )
        if other not in used:
            kept[name] = number
    numbers = set(kept.values())
    categories = {n: name for n, name in truth.categories.items() if n in numbers}
    return replace(truth, categories=categories)
