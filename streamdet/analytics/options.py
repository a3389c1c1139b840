"""Options that kinds of analytics share, and their check against the rest of the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from streamdet.config.options import Options
from streamdet.config.suggestions import nearest
from streamdet.events import EventPlace

BoxPoint = Literal["bottom_center", "center", "top_center"]
"""Which point of an object's box counts."""

Point = tuple[float, float]
Points = tuple[Point, ...]

Fault = tuple[tuple[str, ...], str]
"""Keys below a node, and what is wrong there: a predicate such as "must name a source, got ..."."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a node of analytics gets in its graph.

    Attributes:
        source_ids: the sources whose frames reach it.
        class_names: of all models that found its objects.
        zones: names of the zones of the nodes before it.
    """

    source_ids: Sequence[str]
    class_names: Sequence[str]
    zones: Sequence[str] = ()

    def faults(
        self, keys: tuple[str, ...], sources: Sequence[str], classes: Sequence[str] | None
    ) -> Iterator[Fault]:
        """Yield what is wrong with the names of sources and classes that stand below `keys`."""
        for name in sources:
            if name not in self.source_ids:
                hint = nearest(name, self.source_ids)
                yield (*keys, "source"), f"must name a source of the graph, got {name!r}; {hint}"
        for name in classes or ():
            if name not in self.class_names:
                hint = nearest(name, self.class_names)
                yield (*keys, "classes"), f"must name classes of the model, got {name!r}; {hint}"


class AnalyticsOptions(Options):
    """What analytics of streamdet's own understand."""

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield what does not fit the rest of the graph."""
        yield from ()

    def zone_names(self) -> Sequence[str]:
        """List the names that it may give to objects as their `zones`."""
        return ()

    def event_places(self) -> Sequence[EventPlace]:
        """List the places that its events may name."""
        return ()

    def points(self, source_id: str) -> dict[str, Points]:
        """Map the keys of a source's polygons, lines and the like to their points."""
        return {}
