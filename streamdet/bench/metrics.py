"""What a bench says: figures, each with the aim it is held against."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_COMPARE: Final = {">=": operator.ge, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be.

    Attributes:
        relation: how the figure should stand to the limit.
        limit: in the figure's unit.
    """

    relation: Literal[">=", "<"]
    limit: float

    def is_reached(self, value: float) -> bool:
        """Whether a figure is as it should be."""
        return bool(_COMPARE[self.relation](value, self.limit))

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a bench's table.

    Attributes:
        what: in a few words.
        value: in `unit`.
        unit: "" for a ratio.
        aim: None for a figure that only explains another one.
    """

    what: str
    value: float
    unit: str = ""
    aim: Aim | None = None

    @property
    def is_reached(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        return None if self.aim is None else self.aim.is_reached(self.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bench has measured.

    Attributes:
        figures: the table.
        details: every single measurement, for --json.
        notes: what a reader of the figures must know.
    """

    figures: Sequence[Figure]
    details: dict[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def is_reached(self) -> bool:
        """Whether every aim is reached."""
        return all(figure.is_reached is not False for figure in self.figures)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "reached": self.is_reached,
            "figures": [_figure_dict(figure) for figure in self.figures],
            "notes": list(self.notes),
            "details": self.details,
        }


def table(outcome: Outcome) -> list[str]:
    """Write an outcome's figures in columns, its notes below."""
    rows = [
        (
            figure.what,
            f"{figure.value:.4g} {figure.unit}".rstrip(),
            "" if figure.aim is None else f"aim {figure.aim}",
            {True: "reached", False: "MISSED", None: ""}[figure.is_reached],
        )
        for figure in outcome.figures
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return [f"  {line}" for line in lines] + [f"  note: {note}" for note in outcome.notes]


def _figure_dict(figure: Figure) -> dict[str, Any]:
    return {
        "what": figure.what,
        "value": figure.value,
        "unit": figure.unit,
        "aim": None if figure.aim is None else str(figure.aim),
        "reached": figure.is_reached,
    }
