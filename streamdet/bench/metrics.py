"""What a bench says: metrics, each with the aim it is held against."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_COMPARE: Final = {">=": operator.ge, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Aim:
    """What a metric should be.

    Attributes:
        relation: how the metric should stand to the limit.
        limit: in the metric's unit.
    """

    relation: Literal[">=", "<"]
    limit: float

    def is_reached(self, value: float) -> bool:
        """Whether a metric is as it should be."""
        return bool(_COMPARE[self.relation](value, self.limit))

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of a bench's table.

    Attributes:
        what: in a few words.
        value: in `unit`.
        unit: "" for a ratio.
        aim: None for a metric that only explains another one.
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
        metrics: the table.
        details: every single measurement, for --json.
        notes: what a reader of the metrics must know.
    """

    metrics: Sequence[Metric]
    details: dict[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def is_reached(self) -> bool:
        """Whether every aim is reached."""
        return all(metric.is_reached is not False for metric in self.metrics)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "reached": self.is_reached,
            "metrics": [_metric_dict(metric) for metric in self.metrics],
            "notes": list(self.notes),
            "details": self.details,
        }


def table(outcome: Outcome) -> list[str]:
    """Write an outcome's metrics in columns, its notes below."""
    rows = [
        (
            metric.what,
            f"{metric.value:.4g} {metric.unit}".rstrip(),
            "" if metric.aim is None else f"aim {metric.aim}",
            {True: "reached", False: "MISSED", None: ""}[metric.is_reached],
        )
        for metric in outcome.metrics
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return [f"  {line}" for line in lines] + [f"  note: {note}" for note in outcome.notes]


def _metric_dict(metric: Metric) -> dict[str, Any]:
    return {
        "what": metric.what,
        "value": metric.value,
        "unit": metric.unit,
        "aim": None if metric.aim is None else str(metric.aim),
        "reached": metric.is_reached,
    }
