"""What the HTTP API answers, as its published schema (/api/v1/openapi.json) has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from streamdet.run.report import Report, SourceReport, StageReport
from streamdet.run.status import PoolStatus

Responses = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str = Field(description="A sentence.")


class Session(BaseModel):
    """Who asks."""

    role: Literal["viewer", "operator"] | None = Field(description="Null without a token.")
    needs_token: bool = Field(description="Whether this server has tokens.")


class SignedIn(BaseModel):
    """Whose session has begun."""

    role: Literal["viewer", "operator"]


class Health(BaseModel):
    """That all is well."""

    status: Literal["alive", "ready"]


class Named(BaseModel):
    """The camera that was added."""

    name: str


class Removed(BaseModel):
    """What has come of a camera's frames."""

    name: str
    emitted: int = Field(description="Frames that had entered the graph.")
    published: int = Field(description="Frames that every sink has committed with a result.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedStage(StageReport):
    """One node, as of now.

    Attributes:
        fps: frames per second over the last second.
        queue: entries that wait or are being worked on; null where it has no queue.
        runs: the runtime that it uses.
    """

    fps: float
    queue: int | None
    runs: str


class ServedRun(BaseModel):
    """The run, as of the last second; what `streamdet status --json` says of it."""

    run_id: str
    graph: str
    pid: int | None = Field(description="Of the process that supervises it; null at its start.")
    problem: str | None = Field(description="Why there are no metrics; null where there are.")
    elapsed_s: float
    restarts: int = Field(description="Workers that were started again.")
    sources: list[SourceReport]
    stages: list[ServedStage]
    pools: list[PoolStatus] = Field(description="Slots for images that others read.")
    redis_bytes: int | None = Field(description="What its Redis holds in memory; null: unknown.")
    report: Report | None = Field(description="Of a run that has ended.")
    can_change: bool = Field(description="Whether cameras, zones and the graph can be changed.")
    keeps_records: bool = Field(description="Whether /api/v1/records can be searched.")


class GraphNode(BaseModel):
    """A node of the graph."""

    name: str
    role: str
    kind: str
    reads: list[str]
    process: str
    replicas: int


class ServedGraph(BaseModel):
    """The graph as it runs."""

    name: str
    nodes: list[GraphNode]


class Entry(BaseModel):
    """An entry of a public stream; what else stands in it, `streamdet schema` says."""

    model_config = ConfigDict(extra="allow")

    entry_id: str = Field(description="Its id in Redis.")


class Entries(BaseModel):
    """A part of a public stream."""

    entries: list[Entry] = Field(description="Newest first.")
    before: str | None = Field(description="Ask for older ones with it; null: there are none.")


class DrawnPlace(BaseModel):
    """A zone or a line."""

    points: list[tuple[float, float]] = Field(description="As in the file.")
    sources: list[str] | None = Field(description="Cameras that it is for; null: all.")


class PlaceNode(BaseModel):
    """A node of zones or lines."""

    node: str
    kind: Literal["zones", "lines"]
    places: dict[str, DrawnPlace]


class Places(BaseModel):
    """Zones and lines."""

    reason: str = Field(description="Why they cannot be edited; empty where they can.")
    nodes: list[PlaceNode]


class RecordRow(BaseModel):
    """A row of the records; keys that say nothing are left out, an event has more."""

    model_config = ConfigDict(extra="allow")

    at: str = Field(description="When it happened, or a track began: UTC.")
    event: str = Field(description="Kind of the event, or `track`.")
    run: str
    id: str
    until: str | None = Field(None, description="When a track or clip ended.")
    source_id: str | None = None
    label: str | None = Field(None, description="Class of the object.")
    track: int | None = Field(None, description="Number of the object.")
    place: str | None = Field(None, description="Zone, line or presence.")
    attributes: dict[str, str] | None = Field(None, description="What `classify` nodes say.")
    clip: str | None = Field(None, description="Address of the clip that shows it.")
    snapshot: str | None = Field(None, description="Address of the track's best image.")
    file: str | None = Field(None, description="Address of the file that it is about.")


class Found(BaseModel):
    """What a search has found."""

    rows: list[RecordRow] = Field(description="Newest first.")
    is_cut: bool = Field(description="Whether there are more.")


_WHY: Final = {
    400: "The run, its graph or its files do not allow it.",
    401: "A token is wanted, or another one.",
    403: "Your role may not do that, or the request came by another site.",
    404: "There is no such thing.",
    413: "The request is too large, or does not say how large it is.",
    422: "A value is not of the form that is wanted.",
    429: "Too many wrong tokens came from this address: wait a minute.",
    503: "The run or its Redis does not answer.",
}


def refusals(*codes: int) -> Responses:
    """Describe the refusals that an operation may answer with, for the published schema."""
    return {code: {"model": Problem, "description": _WHY[code]} for code in codes}


def media(*types: str, also: Responses | None = None) -> Responses:
    """Describe an answer that is no JSON, for the published schema."""
    content: dict[str, Any] = {each: {} for each in types}
    return {200: {"content": content, "description": "The content."}, **(also or {})}


EVERY: Final = refusals(403, 413)
"""What the guard may answer to any request."""
READING: Final = EVERY | refusals(401, 422, 503)
CHANGING: Final = READING | refusals(400)
