"""A graph file's nodes with their general keys checked, their kinds and options not yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from streamdet.config.suggestions import nearest
from streamdet.config.validation import checked, key_names
from streamdet.config.yaml_loader import KeyPath, YamlText
from streamdet.graph.problems import Problems
from streamdet.registry import names, role_of
from streamdet.system.redaction import short

CHOSEN: Final = ("source", "transform", "detector")
"""Roles whose own name is a kind too; `build_nodes` chooses the concrete kind."""

ROLES: Final = ("source", "transform", "detector", "tracker", "analytics", "sink")
"""The roles that a node may have, in the order in which a frame passes them."""

NAME_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9]*([_-][a-z0-9]+)*$",
    "maxLength": 40,
}
"""Names of nodes and processes: they become Redis keys, file names and Mermaid identifiers."""


def _check_name(name: str) -> str:
    if len(name) > NAME_SCHEMA["maxLength"] or not re.fullmatch(NAME_SCHEMA["pattern"], name):
        raise ValueError(
            "must be small letters and digits, joined by single - or _, like camera-2, "
            f"got {short(name)!r}"
        )
    return name


_Name = Annotated[str, AfterValidator(_check_name), WithJsonSchema(NAME_SCHEMA)]


class NodeKeys(BaseModel):
    """The keys that every node may have; its other keys are options of its kind."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    kind: str = Field(
        description="What the node is. `source` is chosen by the uri, `transform` by the detector "
        "that reads it, and `detector` by the model."
    )
    reads: _Name | list[_Name] = Field(
        default_factory=list, description="The node, or nodes, whose results it reads."
    )
    process: _Name | None = Field(
        None,
        description="Its process. Nodes of one process call each other instead of using Redis.",
    )
    replicas: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        1, description="Number of processes that share the work; auto is one for each core."
    )
    batch: int = Field(8, ge=1, le=256, description="Most frames read at once.")
    max_wait_ms: float = Field(
        0, ge=0, le=10_000, description="Longest wait for a full batch, milliseconds."
    )
    device: str = Field(
        "cpu",
        pattern=r"^(cpu|cuda:[0-9]+)$",
        description="Where its images are made and lie: cpu, or a GPU, cuda:0 for the first.",
    )
    copies: bool = Field(
        False,
        alias="copy",
        description="Whether it may read images that lie elsewhere: each is copied to its device.",
    )


NODE_KEYS: Final = tuple(key_names(NodeKeys))
"""The keys that every node may have, as they are written."""


class GraphFile(BaseModel):
    """The top level of a graph file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(description="Version of this format.")
    name: _Name | None = Field(None, description="Name of the run; by default that of its file.")
    nodes: dict[_Name, dict[str, Any]] = Field(min_length=1, description="Name -> node.")


@dataclass(frozen=True, slots=True)
class DraftNode:
    """A node whose general keys are valid.

    Attributes:
        name: its name.
        role: a key of registry.KINDS.
        kind: as written: a kind, or a name of `CHOSEN`.
        reads: names that it reads.
        keys: the general keys.
        options: the other keys, not checked yet.
    """

    name: str
    role: str
    kind: str
    reads: tuple[str, ...]
    keys: NodeKeys
    options: dict[str, Any]

    @property
    def path(self) -> KeyPath:
        """Path of the node's key in its file."""
        return ("nodes", self.name)

    @property
    def process(self) -> str:
        """Name of its process group."""
        return self.keys.process or self.name


def draft_nodes(text: YamlText, problems: Problems) -> dict[str, DraftNode]:
    """Check every node's general keys; a node with an invalid one is reported and left out."""
    drafts = {}
    for name, values in text.values["nodes"].items():
        with problems.collected():
            keys = checked(NodeKeys, text, ("nodes", name), values)
            role = keys.kind if keys.kind in CHOSEN else role_of(keys.kind)
            if role not in ROLES:
                problems.add(("nodes", name, "kind"), _unknown_kind(keys.kind))
                continue
            reads = (keys.reads,) if isinstance(keys.reads, str) else tuple(keys.reads)
            options = {k: v for k, v in values.items() if k not in NODE_KEYS}
            drafts[name] = DraftNode(name, role, keys.kind, reads, keys, options)
    return drafts


def _unknown_kind(kind: str) -> str:
    known = [*CHOSEN, *(name for role in ROLES for name in names(role))]
    return f"must be a known kind, got {short(kind)!r}; {nearest(kind, known)}"
