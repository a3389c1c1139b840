"""What a machine lets the sources of its runs read: `sources` of a deploy file."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from streamdet.config.options import Options
from streamdet.system.networks import LINK_LOCAL, THIS_MACHINE, Networks


def _check_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as exc:
        raise ValueError(f"must be a network such as 10.0.0.0/8, got {text!r}") from exc
    return text


def _check_root(text: str) -> str:
    if not Path(text).expanduser().is_absolute():
        raise ValueError(f"must be an absolute path of a folder, got {text!r}")
    return text


Network = Annotated[str, AfterValidator(_check_network)]

Root = Annotated[str, AfterValidator(_check_root)]


class SourceSettings(Options):
    """Limits of sources, whatever a graph or a request says."""

    allow_networks: tuple[Network, ...] = Field(
        (), description="Cameras are called only in these networks, if any is stated."
    )
    deny_networks: tuple[Network, ...] = Field(
        (), description="Cameras in these networks are never called."
    )
    allowed_roots: tuple[Root, ...] = Field(
        (),
        description="Files are read only below these folders, if any is stated; links count"
        " as what they lead to.",
    )
    decoder_mib: int | None = Field(
        4096,
        ge=256,
        le=1 << 20,
        description="Memory that decoding a file may take, MiB, beyond what its process has when it"
        " begins; null: any.",
    )
    max_duration_s: float | None = Field(
        None, gt=0, description="Longer videos are refused, or end there; null: any."
    )
    max_streams: int = Field(100, ge=1, le=1000, description="Files with more streams are refused.")
    probe_bytes: int = Field(
        256 << 20,
        ge=4096,
        le=1 << 40,
        description="So much of a file is read at most to find out what it is; the index of an MP4"
        " of a day has some 30 MB.",
    )

    def networks(self, *, is_stated: bool, is_shared: bool) -> Networks:
        """Where a camera may be.

        Args:
            is_stated: whether it stands in the graph or the command line; else it was added later.
            is_shared: whether others than this machine's users may add one.
        """
        others = () if is_stated else LINK_LOCAL + (THIS_MACHINE if is_shared else ())
        return Networks(self.allow_networks, self.deny_networks, others)
