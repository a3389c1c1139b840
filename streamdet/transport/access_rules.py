"""What each kind of program may do on a Redis server: rules for its access control list (ACL)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streamdet.errors import ConfigError

# fmt: off
_EACH: Final = (
    "auth", "client|id", "client|setinfo", "client|setname", "hello", "ping", "quit", "reset",
    "select",
)
_OF_RUNS: Final = (
    "blmove", "eval", "evalsha", "exec", "exists", "hdel", "hexists", "hget", "hgetall", "hincrby",
    "hlen", "hmget", "hset", "hsetnx", "llen", "lmove", "lrange", "lrem", "multi", "rpush", "sadd",
    "scan", "smembers", "srem", "type", "unlink", "xack", "xadd", "xdel", "xgroup|create", "xlen",
    "xpending", "xreadgroup", "zadd", "zcard", "zrange", "zrem", "zscore",
)
_OF_READERS: Final = ("type", "xlen", "xrange", "xread", "xrevrange")
_OF_CONSUMERS: Final = (
    "xack", "xautoclaim", "xgroup|create", "xgroup|delconsumer", "xpending", "xreadgroup",
)
_OF_OPERATORS: Final = (
    "blpop", "exec", "exists", "hget", "hgetall", "hlen", "hmget", "llen", "lrange", "multi",
    "smembers", "xadd", "xdel", "xlen", "xpending",
)
# fmt: on
_NOT_IN_A_KEY: Final = " *?[]\\'\""


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of program.

    Attributes:
        name: of the role.
        does: what it is for.
        keys: rules of the keys that it may use.
        commands: that it may run.
    """

    name: str
    does: str
    keys: tuple[str, ...]
    commands: tuple[str, ...]

    def rules(self) -> str:
        """The rules, as `ACL SETUSER NAME on >PASSWORD` takes them."""
        allowed = (f"+{command}" for command in (*_EACH, *self.commands))
        return " ".join(["resetkeys", "resetchannels", *self.keys, "-@all", *allowed])


def roles(streams: Sequence[str]) -> tuple[Role, ...]:
    """List the roles, those that may least last.

    Args:
        streams: keys of the public streams that runs write.

    Raises:
        ConfigError: a key cannot be stated in a rule.
    """
    for stream in streams:
        if not stream.isprintable() or set(stream) & set(_NOT_IN_A_KEY):
            raise ConfigError(f"no rule can name the stream {stream!r}: give it a plainer name")
    return (
        Role(
            "run",
            "streamdet run, serve and archive",
            ("~streamdet:*", *(f"~{stream}" for stream in streams)),
            _OF_RUNS,
        ),
        Role(
            "operator",
            "streamdet camera, apply and status",
            ("%R~streamdet:*", "~streamdet:*:requests", "~streamdet:*:answer:*"),
            _OF_OPERATORS,
        ),
        Role(
            "consumer",
            "streamdet.read(group=...) and other programs that share the work",
            tuple(f"~{stream}" for stream in streams),
            (*_OF_READERS, *_OF_CONSUMERS),
        ),
        Role(
            "reader",
            "streamdet tail and other programs that only read",
            tuple(f"%R~{stream}" for stream in streams),
            _OF_READERS,
        ),
    )


def lines(roles: Iterable[Role], prefix: str) -> list[str]:
    """Write the commands that make a user of each role, with a placeholder for its password."""
    return [
        line
        for role in roles
        for line in (
            f"# {role.does}",
            f"ACL SETUSER {prefix}{role.name} on >PASSWORD {role.rules()}",
        )
    ]
