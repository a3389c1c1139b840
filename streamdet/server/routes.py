"""The HTTP API, /api/v1: what a viewer may read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from streamdet.graph.svg import to_svg
from streamdet.run.report import SourceReport
from streamdet.server.answers import (
    READING,
    Entries,
    ServedGraph,
    ServedRun,
    media,
    refusals,
)
from streamdet.server.guard import needs_viewer
from streamdet.server.previews import Preview
from streamdet.server.service import Page, Service

router = APIRouter(prefix="/api/v1", dependencies=[Depends(needs_viewer)], responses=READING)

MOST_ENTRIES: Final = 500
FIRST_FRAME_S: Final = 3.0
"""How long a request for an image waits for the first one."""
_POLL_S: Final = 0.05
_BOUNDARY: Final = "frame"
_ENTRIES: Final = TypeAdapter(Entries)
_NO_FRAME: Final = {204: {"description": "No (newer) frame came in time."}, **refusals(404)}

Before = Annotated[
    str, Query(pattern=r"^([0-9]{1,19}(-[0-9]{1,19})?)?$", description="Only older entries.")
]
Limit = Annotated[int, Query(ge=1, le=MOST_ENTRIES, description="How many at most.")]
SourceId = Annotated[str, Path(max_length=500, description="Names the camera or file.")]


def service_of(request: Request) -> Service:
    """Return the run that the app serves."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]


@router.get("/run", summary="The run: its sources and stages", response_model=ServedRun)
def read_run(service: ServiceOf) -> dict[str, Any]:
    """Everything that `streamdet status --json` says; `report` once the run has ended."""
    report = None if service.report is None else service.report.as_dict()
    told = service.status.as_dict() | {
        "graph": service.graph.name,
        "report": report,
        "can_change": service.can_change,
        "keeps_records": service.keeps_records,
    }
    return told if report is None else told | {"sources": report["sources"]}


@router.get(
    "/cameras",
    summary="Every source with its account and state",
    response_model=list[SourceReport],
)
def read_cameras(service: ServiceOf) -> list[dict[str, Any]]:
    """The sources of the run: cameras and files."""
    sources: list[dict[str, Any]] = read_run(service)["sources"]
    return sources


@router.get("/graph", summary="The nodes of the graph", response_model=ServedGraph)
def read_graph(service: ServiceOf) -> dict[str, Any]:
    """The graph as it runs: its nodes, what each reads, and its process."""
    nodes = [
        {
            "name": node.name,
            "role": node.role,
            "kind": node.kind,
            "reads": node.reads,
            "process": node.process,
            "replicas": node.replicas,
        }
        for node in service.graph.nodes.values()
    ]
    return {"name": service.graph.name, "nodes": nodes}


@router.get(
    "/graph.svg",
    summary="The graph as an image",
    response_class=Response,
    responses=media("image/svg+xml"),
)
def read_graph_image(service: ServiceOf) -> Response:
    """The drawing that `streamdet graph` makes."""
    return Response(to_svg(service.graph), media_type="image/svg+xml")


@router.get("/events", summary="Events, newest first", response_model=Entries)
def read_events(service: ServiceOf, before: Before = "", limit: Limit = 50) -> Response:
    """What happened: states of cameras, and what the graph's nodes tell."""
    return _page(service, "events", partial(service.events, before, limit), (before, limit))


@router.get("/detections", summary="Published frames, newest first", response_model=Entries)
def read_detections(service: ServiceOf, before: Before = "", limit: Limit = 50) -> Response:
    """The messages of the graph's first `redis_stream` sink."""
    return _page(service, "detections", partial(service.detections, before, limit), (before, limit))


def _page(
    service: Service, name: str, make: Callable[[], Page], asked: tuple[str, int]
) -> Response:
    body = service.kept.json((name, *asked), _ENTRIES, make)
    return Response(body, media_type="application/json")


@router.get(
    "/cameras/{source_id}/snapshot.jpg",
    summary="The newest frame",
    response_class=Response,
    responses=media("image/jpeg", also=_NO_FRAME),
)
async def read_snapshot(
    request: Request,
    service: ServiceOf,
    source_id: SourceId,
    after: Annotated[int, Query(ge=-1, description="Wait for a frame with a higher id.")] = -1,
) -> Response:
    """The newest frame with what was found in it, at most 960 pixels wide or high.

    `X-Frame-Id` says which, `X-Source-Size` how large its source is (720x1280: height first);
    204 where no (newer) frame came within 3 s.
    """
    _check(service, source_id)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + FIRST_FRAME_S
    while loop.time() < until_s and not await request.is_disconnected():
        preview = await _newest(service, source_id)
        if preview is not None and preview.index > after:
            return Response(preview.jpeg, media_type="image/jpeg", headers=_about(preview))
        await asyncio.sleep(_POLL_S)
    return Response(status_code=204)


@router.get(
    "/cameras/{source_id}/preview.mjpeg",
    summary="Frames as they come",
    response_class=Response,
    responses=media("multipart/x-mixed-replace", also=refusals(404)),
)
async def read_preview(request: Request, service: ServiceOf, source_id: SourceId) -> Response:
    """Motion JPEG, about 8 frames a second; a slow reader gets fewer of them."""
    _check(service, source_id)
    return StreamingResponse(
        _parts(request, service, source_id),
        media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
    )


async def _parts(request: Request, service: Service, source_id: str) -> AsyncIterator[bytes]:
    shown = -1
    while service.report is None and not await request.is_disconnected():
        preview = await _newest(service, source_id)
        if preview is not None and preview.index != shown:
            shown = preview.index
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nX-Frame-Id: {shown}\r\n"
            size = f"Content-Length: {len(preview.jpeg)}\r\n\r\n"
            yield (head + size).encode() + preview.jpeg + b"\r\n"
        await asyncio.sleep(_POLL_S)


def _about(preview: Preview) -> dict[str, str]:
    height, width = preview.source_hw
    return {"X-Frame-Id": str(preview.index), "X-Source-Size": f"{height}x{width}"}


async def _newest(service: Service, source_id: str) -> Preview | None:
    previews = service.previews
    return None if previews is None else await previews.newest(source_id)


def _check(service: Service, source_id: str) -> None:
    """Refuse a name that is no source of the run.

    Raises:
        HTTPException: 404.
    """
    if all(source.source_id != source_id for source in service.status.sources):
        raise HTTPException(404, "the run has no such camera")
