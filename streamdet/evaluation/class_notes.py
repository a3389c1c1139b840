"""What a reader of scores must know of classes that only one side has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from streamdet.evaluation.truth import Truth


def class_notes(truth: Truth, names: Collection[str], finder: str) -> tuple[str, ...]:
    """Name the classes that do not count because the other side lacks them.

    Args:
        truth: all of its classes; those without an object do not matter.
        names: what is looked for.
        finder: who looks for it: "the model".
    """
    in_use = {truth.categories[each.category_id] for each in truth.objects}
    known = set(truth.categories.values())
    unknown = sorted(in_use.difference(names))
    absent = [name for name in names if name not in known and name != "N/A"]
    return (
        *_note(unknown, "the truth", f"not among those of {finder}"),
        *_note(sorted(absent), finder, "not in the truth"),
    )


def some(names: Collection[str]) -> str:
    """List the first five names."""
    listed = list(names)
    return ", ".join(listed[:5]) + (" ..." if len(listed) > 5 else "")


def _note(names: Sequence[str], whose: str, what: str) -> Iterator[str]:
    if len(names) == 1:
        yield f"1 class of {whose} is {what} and does not count: {names[0]}"
    elif names:
        yield f"{len(names)} classes of {whose} are {what} and do not count: {some(names)}"
