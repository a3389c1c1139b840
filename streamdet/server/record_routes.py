"""The HTTP API of the records: a search, and the files that its rows name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, Field

from streamdet.errors import ConfigError
from streamdet.graph import PipelineGraph
from streamdet.records import search as records
from streamdet.records.day_file import day_files
from streamdet.server.answers import CHANGING, media, refusals
from streamdet.server.answers import Found as FoundRows
from streamdet.server.guard import needs_viewer
from streamdet.server.routes import MOST_ENTRIES, ServiceOf
from streamdet.sinks.recorder import RecorderOptions
from streamdet.sinks.records import RecordsOptions

FILES: Final = "/api/v1/records/files"
_MEDIA: Final = {".mp4": "video/mp4", ".jpg": "image/jpeg"}

router = APIRouter(
    prefix="/api/v1/records", dependencies=[Depends(needs_viewer)], responses=CHANGING
)

Name = Annotated[str, Field(max_length=500)]
Names = Annotated[list[Name], Field(max_length=20)]
Attributes = Annotated[list[Annotated[str, Field(max_length=500, pattern="^[^=]+=.+$")]],
                       Field(max_length=20)]  # fmt: skip
EventId = Annotated[str, PathParameter(max_length=100, description="Of a clip or snapshot.")]


class Wanted(BaseModel):
    """What is searched for; each list means one of these, and is all without any."""

    labels: Names = Field([], alias="class", description="Classes of objects.")
    zone: Names = Field([], description="Zones, lines or presences.")
    camera: Names = Field([], description="Cameras and other sources.")
    event: Names = Field([], description="Kinds of events, or `track`.")
    attribute: Attributes = Field([], description="What `classify` nodes say: `colour=red`.")
    since: AwareDatetime | None = Field(None, alias="from", description="RFC 3339, with a zone.")
    until: AwareDatetime | None = Field(None, alias="to", description="RFC 3339, with a zone.")
    limit: int = Field(100, ge=1, le=MOST_ENTRIES, description="How many rows at most.")

    def query(self) -> records.Query:
        """Say it as the records want it."""
        return records.Query(
            labels=tuple(self.labels),
            places=tuple(self.zone),
            source_ids=tuple(self.camera),
            events=tuple(self.event),
            attributes=records.by_name(_pair(each) for each in self.attribute),
            since=self.since,
            until=self.until,
            limit=self.limit,
        )


@router.get(
    "",
    summary="Search events and tracks, newest first",
    response_model=FoundRows,
    response_model_exclude_unset=True,
)
def read_records(service: ServiceOf, wanted: Annotated[Wanted, Query()]) -> dict[str, Any]:
    """What `streamdet search --json` finds in the records that this run's graph keeps.

    `clip` and `snapshot` of a row are addresses of what shows it, `file` that of its own file.
    """
    folder = records_folder(service.graph)
    if not folder.is_dir() or not day_files(folder):  # nothing has happened yet
        return {"rows": [], "is_cut": False}
    answer = records.search(folder, wanted.query())
    return {"rows": [_row(found) for found in answer.rows], "is_cut": answer.is_cut}


@router.get(
    "/files/{event_id}",
    summary="A clip or snapshot of the records",
    response_class=FileResponse,
    responses=media(*_MEDIA.values(), also=refusals(404)),
)
def read_file(service: ServiceOf, event_id: EventId) -> FileResponse:
    """A file that a `clip` or `snapshot` node of the graph has written."""
    path = records.file_of(records_folder(service.graph), event_id)
    if path is None or not _is_recorded(service.graph, Path(path)) or not Path(path).is_file():
        raise HTTPException(404, "there is no such file, or not any more")
    return FileResponse(path, media_type=_MEDIA[Path(path).suffix])


def records_folder(graph: PipelineGraph) -> Path:
    """Find where a graph keeps its records.

    Raises:
        ConfigError: it keeps none.
    """
    for node in graph.nodes_of_role("sink"):
        if isinstance(node.options, RecordsOptions):
            return node.options.folder
    raise ConfigError("the graph keeps no records: serve it with --output X.records")


def _pair(stated: str) -> tuple[str, str]:
    name, _, value = stated.partition("=")
    return name.strip(), value.strip()


def _row(found: records.Found) -> dict[str, Any]:
    files = {"clip": found.clip and found.clip.event_id}
    files["snapshot"] = found.snapshot and found.snapshot.event_id
    files["file"] = found.path and found.id
    return found.as_dict() | {name: f"{FILES}/{id_}" for name, id_ in files.items() if id_}


def _is_recorded(graph: PipelineGraph, path: Path) -> bool:
    """Whether a file lies where the graph records: nothing else of the machine is shown."""
    options = (node.options for node in graph.nodes_of_role("sink"))
    folders = [each.folder.resolve() for each in options if isinstance(each, RecorderOptions)]
    inside = any(path.resolve().is_relative_to(folder) for folder in folders)
    return inside and path.suffix in _MEDIA
