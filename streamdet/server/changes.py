"""The HTTP API, /api/v1: what an operator may change. See run/control.py, which does it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from pydantic import BaseModel, Field, FiniteFloat

from streamdet.run.change_plan import ChangePlan
from streamdet.server.answers import CHANGING, Named, Removed
from streamdet.server.guard import needs_operator
from streamdet.server.routes import ServiceOf, SourceId
from streamdet.sources.live_address import NETWORK

router = APIRouter(prefix="/api/v1", dependencies=[Depends(needs_operator)], responses=CHANGING)

SCHEMES: Final = tuple(f"{scheme}://" for scheme in NETWORK)
"""Of the addresses that may come by HTTP: no file and no device of the machine."""
BY_PAGE: Final = "by an operator"

_MOST: Final = 2**53
"""Whole numbers up to here are the same in every JSON reader."""

Value = Annotated[int, Field(ge=-_MOST, le=_MOST)] | FiniteFloat | bool | str
Name = Annotated[str, Path(min_length=1, max_length=100, description="The camera's new name.")]


class NewCamera(BaseModel):
    """A camera to add."""

    uri: str = Field(max_length=2000, description=f"Its address: {', '.join(SCHEMES)}.")
    options: dict[str, Value] = Field(
        default_factory=dict, description="Options of its own, such as fps; see docs/live.md."
    )
    node: str | None = Field(
        None, max_length=100, description="The node that it joins, where several do."
    )


@router.put("/cameras/{name}", summary="Add a camera", status_code=201)
def add_camera(service: ServiceOf, name: Name, camera: NewCamera) -> Named:
    """Connect to another camera; it is then listed with its state."""
    _check_address(camera.uri)
    for key, value in camera.options.items():
        _check_plain(key, value)
    service.changeable().add(name, {**camera.options, "uri": camera.uri}, camera.node)
    return Named(name=name)


@router.delete("/cameras/{source_id}", summary="Go on without a camera")
def remove_camera(service: ServiceOf, source_id: SourceId) -> Removed:
    """End a camera once its frames under way are through; says what has come of them."""
    removed = service.changeable().remove(source_id, BY_PAGE)
    return Removed(name=removed.name, emitted=removed.emitted, published=removed.published)


@router.post(
    "/cameras/{source_id}/pause",
    summary="Disconnect a camera until it is resumed",
    status_code=204,
    response_class=Response,
)
def pause_camera(service: ServiceOf, source_id: SourceId) -> None:
    """Its tracks are kept."""
    service.changeable().pause(source_id, BY_PAGE)


@router.post(
    "/cameras/{source_id}/resume",
    summary="Connect a paused camera again",
    status_code=204,
    response_class=Response,
)
def resume_camera(service: ServiceOf, source_id: SourceId) -> None:
    """Frame ids go on."""
    service.changeable().resume(source_id)


@router.get("/changes", summary="What applying the graph's file again would do")
def plan_changes(service: ServiceOf) -> ChangePlan:
    """The plan of `streamdet apply`, for the file that the run began with, as it is now."""
    return service.changeable().plan()


@router.post("/changes", summary="Apply the graph's file again")
def apply_changes(service: ServiceOf) -> ChangePlan:
    """Restart what has changed in the file, and only that; says what was done."""
    return service.changeable().apply()


def _check_address(uri: str) -> None:
    """Refuse an address that is not in the network, or that would tell what the machine knows.

    Raises:
        HTTPException: 400.
    """
    if not uri.lower().startswith(SCHEMES):
        raise HTTPException(400, f"by HTTP a camera's address begins with {', '.join(SCHEMES)}")
    _check_plain("uri", uri)


def _check_plain(name: str, value: object) -> None:
    if "${" in f"{name}{value}":
        raise HTTPException(400, "by HTTP nothing is looked up in environment or files: no ${...}")
