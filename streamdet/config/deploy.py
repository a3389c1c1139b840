"""configs/deploy/NAME.yaml: how one machine runs graphs. No value here changes what comes out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from streamdet.config.files import find_config
from streamdet.config.names import NameOf
from streamdet.config.options import Options
from streamdet.config.source_settings import SourceSettings
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError
from streamdet.system.redaction import SecretUrl

EMBEDDED: Final = "embedded"
_SCHEMES: Final = ("redis://", "rediss://", "unix://")


def _check_redis(url: SecretUrl) -> SecretUrl:
    if url.reveal() != EMBEDDED and not url.reveal().startswith(_SCHEMES):
        raise ValueError(f"must be {EMBEDDED}, redis://..., rediss://... or unix://..., got {url}")
    return url


RedisUrl = Annotated[SecretUrl, AfterValidator(_check_redis)]


Side = Annotated[int, Field(ge=1, le=1 << 14)]


class RestartSettings(Options):
    """When a process that died is started again."""

    max_per_minute: int = Field(
        5, ge=0, le=1000, description="Restarts of one node in a minute before it counts as failed."
    )
    backoff_s: float = Field(
        0.5, ge=0, le=60, description="Pause before the second restart in a row; then it doubles."
    )
    backoff_max_s: float = Field(30, ge=0, le=600, description="Longest pause.")


class DeploySettings(Options):
    """Settings of one machine: its Redis server, memory limits and time limits."""

    redis: RedisUrl = Field(
        SecretUrl(EMBEDDED),
        description="embedded (a private server for the run), or an address: redis://HOST:PORT/DB, "
        "rediss:// with TLS, unix:///PATH.",
    )
    slots: int = Field(
        32,
        ge=2,
        le=4096,
        description="Images in each pool, at least; more where replicas read.",
    )
    pool: Annotated[str, NameOf("pool")] = Field(
        "shm",
        description="Memory in which images pass from process to process, where no node states"
        " `device`.",
    )
    pool_mib: int = Field(
        512,
        ge=1,
        le=1 << 20,
        description="Most memory of one pool, MiB; limits the number of slots.",
    )
    slot_hw: tuple[Side, Side] = Field(
        (720, 1280),
        description="Height and width of a source's image that a slot holds at least: the size "
        "may change in mid-stream, or not be known before the run. Slots of cameras grow.",
    )
    max_in_flight: int = Field(
        128,
        ge=1,
        le=100_000,
        description="Frames of one source in flight above which it waits.",
    )
    events: str = Field(
        "events",
        min_length=1,
        description="Redis stream of events, of cameras, zones and so on; the newest 10,000 stay.",
    )
    dead_letters: str = Field(
        "dead-letters",
        min_length=1,
        description="Redis stream of frames that ended a worker's process three times and were "
        "dropped; the newest 10,000 stay.",
    )
    restart: RestartSettings = Field(
        default_factory=RestartSettings, description="When a process that died is started again."
    )
    stall_s: float = Field(
        60,
        gt=0,
        le=86_400,
        description="Seconds without progress after which a worker is killed and restarted.",
    )
    drain_s: float = Field(
        8,
        gt=0,
        le=600,
        description="Seconds that frames in flight get to finish after a stop signal.",
    )
    sources: SourceSettings = Field(
        default_factory=SourceSettings, description="What sources may read, and how much."
    )
    redis_wait_s: float = Field(
        60,
        ge=0,
        le=86_400,
        description="Seconds to wait for an external server that does not answer.",
    )

    @property
    def is_embedded(self) -> bool:
        """Whether the run starts a private Redis server."""
        return self.redis.reveal() == EMBEDDED


def load_settings(
    name: str = "local", *, redis: str | None = None, environ: Mapping[str, str] = os.environ
) -> DeploySettings:
    """Read a machine's settings.

    Args:
        name: a file of configs/deploy without suffix, or a path that ends in .yaml.
        redis: takes the place of the file's `redis` (the command line's --redis).
        environ: where `${NAME}` is looked up.

    Raises:
        ConfigError: no such file, or it says something wrong: a line for each fault.
    """
    text = read_yaml(find_config(name, "configs/deploy"), environ)
    values = {} if text.values is None else text.values
    if not isinstance(values, dict):
        raise ConfigError(f"{text.name}: must hold keys and values")
    if redis is not None:
        values["redis"] = redis
        text.forget(("redis",))
        text.places[("redis",)], text.texts[("redis",)] = "--redis", redis
    return checked(DeploySettings, text, (), values)
