"""What may be asked of a running run: the requests of `control.py`, as they travel."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from streamdet.errors import ConfigError


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ListCameras(_Asked):
    """Which cameras are there, and how are they?"""

    op: Literal["cameras"] = "cameras"


class AddCamera(_Asked):
    """Add a camera: its values are as in a graph's `cameras`."""

    op: Literal["add"] = "add"
    name: str
    values: dict[str, Any]
    node: str | None


class RemoveCamera(_Asked):
    """Go on without a camera."""

    op: Literal["remove"] = "remove"
    name: str
    reason: str = Field(max_length=200)


class PauseCamera(_Asked):
    """Disconnect a camera until it is resumed."""

    op: Literal["pause"] = "pause"
    name: str
    reason: str = Field(max_length=200)


class ResumeCamera(_Asked):
    """Connect a paused camera again."""

    op: Literal["resume"] = "resume"
    name: str


class PlanGraph(_Asked):
    """What would ApplyGraph do?"""

    op: Literal["plan"] = "plan"
    graph: str | None


class ApplyGraph(_Asked):
    """Turn the graph into that of a file; None: the run's own."""

    op: Literal["apply"] = "apply"
    graph: str | None
    expected: dict[str, Any] | None


Asked = ListCameras | AddCamera | RemoveCamera | PauseCamera | ResumeCamera | PlanGraph | ApplyGraph

_READER: Final[TypeAdapter[Asked]] = TypeAdapter(Annotated[Asked, Field(discriminator="op")])


def read_asked(body: bytes) -> Asked:
    """Read a request; the inverse of `model_dump_json`.

    Raises:
        ConfigError: it is none of these.
    """
    try:
        return _READER.validate_json(body)
    except ValidationError as exc:
        raise ConfigError("the run does not know this request: it is of another version") from exc
