"""The HTTP API, /api/v1: zones and lines, as the page draws them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import BaseModel, Field, FiniteFloat

from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node
from streamdet.run.change_plan import ChangePlan
from streamdet.server.answers import CHANGING, READING, Places, refusals
from streamdet.server.guard import needs_operator, needs_viewer
from streamdet.server.places import (
    POINTS,
    Edit,
    GraphText,
    described,
    place_nodes,
    remove_place,
    set_place,
)
from streamdet.server.routes import ServiceOf
from streamdet.server.service import Service

router = APIRouter(prefix="/api/v1")
_EDITING = CHANGING | refusals(404)

NodeName = Annotated[str, Path(max_length=100, description="The node of zones or lines.")]
PlaceNames = Annotated[str, Path(max_length=40, description="The zone's or line's name.")]
Apply = Annotated[bool, Query(description="Do it; otherwise only the plan is told.")]


class Place(BaseModel):
    """A zone or a line; what is left out stays as it is in the graph's file."""

    points: list[tuple[FiniteFloat, FiniteFloat]] = Field(
        min_length=2, max_length=100, description="Corners [x, y], 0 to 1: fractions of the image."
    )
    source: str | None = Field(None, max_length=500, description="Only of this camera.")


@router.get(
    "/places",
    summary="Zones and lines, and whether they can be edited",
    dependencies=[Depends(needs_viewer)],
    response_model=Places,
    responses=READING,
)
def read_places(service: ServiceOf) -> dict[str, Any]:
    """The places of every node of zones or lines; `reason` says why they cannot be edited."""
    reason = ""
    try:
        service.check_changeable()
        GraphText(service.graph.path).check()
    except ConfigError as exc:
        reason = str(exc)
    return {"reason": reason, "nodes": [*map(described, place_nodes(service.graph))]}


@router.put(
    "/places/{node}/{name}",
    summary="Draw a zone or a line",
    dependencies=[Depends(needs_operator)],
    responses=_EDITING,
)
def draw_place(
    service: ServiceOf, node: NodeName, name: PlaceNames, place: Place, apply: Apply = False
) -> ChangePlan:
    """Say what adding or changing it does to the run; with `apply`, do it and write the file."""
    found = _place_node(service, node)
    values: dict[str, Any] = {POINTS[found.kind]: place.points}
    if place.source is not None:
        values["source"] = place.source
    return _edit(service, found, set_place(name, values), apply=apply)


@router.delete(
    "/places/{node}/{name}",
    summary="Remove a zone or a line",
    dependencies=[Depends(needs_operator)],
    responses=_EDITING,
)
def erase_place(
    service: ServiceOf, node: NodeName, name: PlaceNames, apply: Apply = False
) -> ChangePlan:
    """Say what removing it does to the run; with `apply`, do it and write the file."""
    found = _place_node(service, node)
    return _edit(service, found, remove_place(found, name), apply=apply)


def _edit(service: Service, node: Node, edit: Edit, *, apply: bool) -> ChangePlan:
    text, control = GraphText(service.graph.path), service.changeable()
    text.check()
    return (text.apply if apply else text.plan)(control, node, edit)


def _place_node(service: Service, name: str) -> Node:
    """Find a node of zones or lines.

    Raises:
        HTTPException: 404.
    """
    for node in place_nodes(service.graph):
        if node.name == name:
            return node
    raise HTTPException(404, "the graph has no such node of zones or lines")
