"""The address of a rendered scene: `synthetic:street?seed=3&hw=480x640&frames=300&fps=25`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import parse_qsl

from streamdet.errors import ConfigError

SCHEME = "synthetic:"
_SCENES = ("street",)
_KEYS = ("seed", "hw", "frames", "fps", "realtime")
_MIN_SIDE, _MAX_SIDE = 64, 8192
_MAX_FRAMES = 100_000_000
_MAX_FPS = 1000


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """A scene: every pixel of it follows from these values.

    Attributes:
        name: which scene; "street" is the only one.
        seed: chooses people, cars, colours and paths; 0 or more.
        hw: height and width, pixels.
        frames: how many frames it lasts.
        fps: frames per second.
        is_realtime: whether frames come at that rate, not as fast as they are wanted.
    """

    name: str = "street"
    seed: int = 0
    hw: tuple[int, int] = (480, 640)
    frames: int = 300
    fps: Fraction = Fraction(25)
    is_realtime: bool = False


def parse_scene(uri: str) -> SceneSpec:
    """Read the address of a scene.

    Args:
        uri: `synthetic:NAME?KEY=VALUE&...`; hw is height x width, as everywhere in streamdet.

    Raises:
        ConfigError: unknown scene or key, or a value that is out of bounds.
    """
    name, _, query = uri.removeprefix(SCHEME).partition("?")
    if name not in _SCENES:
        raise ConfigError(f"{uri}: no scene is called {name!r}, the only one is synthetic:street")
    pairs = parse_qsl(query, keep_blank_values=True)
    values = dict(pairs)
    if unknown := next((key for key in values if key not in _KEYS), None):
        raise ConfigError(f"{uri}: unknown key {unknown!r}, wanted one of {', '.join(_KEYS)}")
    if len(values) < len(pairs):
        raise ConfigError(f"{uri}: a key is given twice")
    return SceneSpec(
        name,
        seed=_integer(uri, "seed", values.get("seed", "0"), 0, 2**63 - 1),
        hw=_parse_hw(uri, values.get("hw", "480x640")),
        frames=_integer(uri, "frames", values.get("frames", "300"), 1, _MAX_FRAMES),
        fps=_parse_fps(uri, values.get("fps", "25")),
        is_realtime=_integer(uri, "realtime", values.get("realtime", "0"), 0, 1) == 1,
    )


def _parse_hw(uri: str, text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    return (
        _integer(uri, "hw", height, _MIN_SIDE, _MAX_SIDE),
        _integer(uri, "hw", width, _MIN_SIDE, _MAX_SIDE),
    )


def _parse_fps(uri: str, text: str) -> Fraction:
    try:
        fps = Fraction(text)
    except (ValueError, ZeroDivisionError) as exc:
        raise ConfigError(f"{uri}: fps must be a number such as 25, got {text!r}") from exc
    if not 0 < fps <= _MAX_FPS:
        raise ConfigError(f"{uri}: fps must be above 0 and at most {_MAX_FPS}, got {text}")
    return fps.limit_denominator(1001)


def _integer(uri: str, key: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        shape = " as HEIGHTxWIDTH" if key == "hw" else ""
        raise ConfigError(f"{uri}: {key} must be {low} to {high}{shape}, got {text!r}")
    return int(text)
