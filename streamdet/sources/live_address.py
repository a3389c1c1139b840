"""Addresses of live sources: cameras in the network, cameras of this machine, files played live.

- `rtsp://HOST/PATH`, `rtsps`, `rtmp`, `rtmps`, `http`, `https` (MJPEG, HLS), `udp`, `srt`
- `0` or `/dev/video0`: a camera of this machine
- `file:PATH?live=1&loop=1`: a video file, played at its own rate; PATH is percent-decoded
- `chaos:street?seed=3`: a rendered camera that misbehaves, see chaos_camera.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from streamdet.config.suggestions import closest
from streamdet.errors import ConfigError
from streamdet.sources.scene_uri import parse_scene
from streamdet.stores.address import PROTOCOLS
from streamdet.system.redaction import redacted, short

NETWORK: Final = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "srt")
_PORTS: Final = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
_DEVICE: Final = re.compile(r"/dev/(video\d+|v4l/[^?#\s]+)")
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.IGNORECASE | re.DOTALL)
_FEW_SLASHES: Final = re.compile(rf"({'|'.join(NETWORK)})(:/?|//)(?!/)\S", re.IGNORECASE)
_QUERY: Final = re.compile(r"[?#\s]")
CHAOS: Final = "chaos:"
_FILE: Final = "file:"
_FILE_KEYS: Final = ("live", "loop")
_SWITCH: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class LiveAddress:
    """Where a live source is.

    Attributes:
        kind: a camera in the network, a device of this machine, a file, or a rendered camera.
        place: address, device or path, as FFmpeg wants it; it may hold a password.
        name: host and path without secrets; the source id is made from it.
        scheme: of the address; empty for devices and files.
        host: name or number; empty where it has none.
        port: of the host; None for FFmpeg's default.
        loop: whether a file begins again at its end.
    """

    kind: Literal["network", "device", "file", "chaos"]
    place: str = field(repr=False)
    name: str
    scheme: str = ""
    host: str = ""
    port: int | None = None
    loop: bool = False


def is_live_address(uri: str) -> bool:
    """Whether text looks like the address of a live source, even an invalid one."""
    is_url = _URL.match(uri) or _FEW_SLASHES.match(uri)
    return bool(is_url or _DEVICE.fullmatch(uri) or uri.startswith((_FILE, CHAOS)))


def parse_live(uri: str) -> LiveAddress:
    """Read an address.

    Raises:
        ConfigError: it is wrong, in one sentence without its password.
    """
    if _DEVICE.fullmatch(uri):
        return LiveAddress("device", uri, Path(uri).name)
    if uri.startswith(_FILE):
        return _parse_file(uri)
    if uri.startswith(CHAOS):
        return LiveAddress("chaos", uri, f"chaos-{parse_scene(uri).name}")
    return _parse_network(uri)


def file_address(path: Path, *, loop: bool) -> str:
    """Write the address of a file that is played live."""
    return f"{_FILE}{quote(str(path))}?live=1{'&loop=1' if loop else ''}"


def _parse_network(uri: str) -> LiveAddress:
    match = _URL.match(uri)
    if match is None:
        scheme = re.split("[:/]", uri)[0]
        raise ConfigError(f"wanted {scheme}:// with a colon and two slashes")
    scheme = match[1].lower()
    if scheme not in NETWORK:
        raise ConfigError(_unknown(scheme))
    _check_characters(uri, match[2])
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise ConfigError(f"{shown(uri)}: host and port cannot be read, wanted HOST:PORT") from exc
    if not host and scheme != "udp":
        raise ConfigError(f"{shown(uri)}: has no host, wanted {scheme}://HOST/PATH")
    if scheme in ("udp", "srt") and port is None:
        raise ConfigError(f"{shown(uri)}: has no port, wanted {scheme}://HOST:PORT")
    place = f"{scheme}://{match[2]}"
    name = host if port in (None, _PORTS.get(scheme)) else f"{host or scheme}-{port}"
    return LiveAddress(
        "network",
        place,
        f"{name}{urlsplit(redacted(place)).path.rstrip('/')}",
        scheme,
        host,
        port or _PORTS.get(scheme),
    )


def _unknown(scheme: str) -> str:
    known = (*NETWORK, *PROTOCOLS)
    close = closest(scheme, known)
    hint = f"did you mean {close}://?" if close else f"wanted {', '.join(known)} or a path"
    return f"{scheme}:// is not a kind of address; {hint}"


def _check_characters(uri: str, rest: str) -> None:
    if any(char.isspace() or not char.isprintable() for char in rest):
        raise ConfigError(f"{shown(uri)}: has a space or a line break, which is written %20")
    head = re.split(r"[/?#]", rest, maxsplit=1)[0]
    port = head.partition(":")[2]
    after = rest[len(head) :] if port and not port.isdigit() else rest.partition("?")[0]
    if port and "@" not in head and "@" in after:
        raise ConfigError(
            f"{shown(uri)}: / ? # and @ are written %2F %3F %23 %40 in a password and in a path"
        )


def shown(uri: str) -> str:
    """Return an address without its possible secrets: user, password, query."""
    scheme, _, rest = uri.partition(":")
    place = rest.lstrip("/").rpartition("@")[2]
    return f"{scheme}://{short(_QUERY.split(place)[0])}"


def _parse_file(uri: str) -> LiveAddress:
    text, _, query = uri.removeprefix(_FILE).partition("?")
    if text.startswith("//") and not text.startswith("///"):
        raise ConfigError(f"{uri}: wanted {_FILE}PATH?live=1, without the two slashes")
    path = unquote(text[2:] if text.startswith("///") else text)
    if not path or "\0" in path:
        raise ConfigError(f"{uri}: has no file path, wanted {_FILE}PATH?live=1")
    values = _switches(uri, query)
    if not values.get("live"):
        raise ConfigError(
            f"{uri}: wanted {_FILE}PATH?live=1 to play it like a camera, or the path alone"
        )
    place = Path(path).expanduser().absolute()
    return LiveAddress("file", str(place), place.stem, loop=values.get("loop", False))


def _switches(uri: str, query: str) -> dict[str, bool]:
    values: dict[str, bool] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _FILE_KEYS:
            raise ConfigError(f"{uri}: unknown key {key!r}, wanted one of {', '.join(_FILE_KEYS)}")
        if value not in _SWITCH:
            raise ConfigError(f"{uri}: {key} must be 1 or 0, got {value!r}")
        values[key] = _SWITCH[value]
    return values
