"""Classes of other packages as newcomers write them: what works, and what is refused at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from streamdet import plugins
from streamdet.cli import main
from streamdet.config.options import Options
from streamdet.detections import Detections
from streamdet.graph.outputs import files_written
from streamdet.messages import FrameMessage
from streamdet.registry import KINDS, load
from streamdet.roles import lacks
from streamdet.sinks import SinkContext
from streamdet.sinks.redis_stream import RedisStreamSink
from tests.graph.graphs import faults, load_text, people


class NoOptions(Options):
    pass


class TextPathOptions(Options):
    path: str


class TextPath(RedisStreamSink):
    """Its path is text."""

    Options = TextPathOptions  # type: ignore[assignment]


class FilePerSource(TextPath):
    has_file_per_source = True


class ManyPathsOptions(Options):
    path: tuple[Path, ...] | int


class ManyPaths(RedisStreamSink):
    Options = ManyPathsOptions  # type: ignore[assignment]


class Partly:
    """Its author has not read on."""

    Options = NoOptions
    needs_image = False

    def __init__(self, options: NoOptions, context: SinkContext) -> None:
        pass

    def write(self, messages: Sequence[FrameMessage]) -> None:
        pass


class Bare:
    Options = NoOptions


class WithoutOptions(RedisStreamSink):
    Options = None  # type: ignore[assignment]


class SmallTracker:
    Options = NoOptions

    def __init__(self, options: NoOptions) -> None:
        self.rows: list[int] = []

    def update(self, detections: Detections) -> Detections:
        return detections

    def state(self) -> bytes:
        return b"1"

    def restore(self, state: bytes) -> None:
        pass


def a_function(options: NoOptions, context: SinkContext) -> None:
    """Not a class."""


ROLES = {
    "TextPath": "sink",
    "FilePerSource": "sink",
    "ManyPaths": "sink",
    "Partly": "sink",
    "Bare": "analytics",
    "WithoutOptions": "sink",
    "SmallTracker": "tracker",
    "a_function": "sink",
}
"""Classes of this module that are entry points, by their own names."""


def _forget() -> None:
    plugins.found.cache_clear()
    plugins._entry_points.cache_clear()


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    info = tmp_path / "site" / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    points = (
        f"[streamdet.{role.rstrip('s')}s]\n{name} = {__name__}:{name}\n"
        for name, role in ROLES.items()
    )
    (info / "entry_points.txt").write_text("".join(points))
    monkeypatch.syspath_prepend(str(info.parent))
    _forget()
    yield
    _forget()


@pytest.mark.parametrize(("path", "file"), [("a/b.txt", "a/b.txt"), ("~/b.txt", "{home}/b.txt")])
def test_the_path_of_a_sink_may_be_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").mkdir()
    graph = load_text(people(save=f"kind: TextPath, reads: track, path: '{path}'"), tmp_path)
    assert isinstance(graph.nodes["save"].options, TextPathOptions)
    assert graph.nodes["save"].options.path == file.format(home=tmp_path)


def test_a_path_that_is_text_becomes_a_file_for_each_source(tmp_path: Path) -> None:
    line = f"kind: FilePerSource, reads: track, path: {tmp_path}/o.txt"
    scenes = ["synthetic:street", "synthetic:street?seed=2"]
    graph = load_text(people(save=line), tmp_path, sources=scenes)
    files = [path.name for path in files_written(graph, graph.nodes["save"])]
    assert files == ["o-street.txt", "o-street-2.txt"]


def test_text_that_is_no_path_of_a_file_is_refused_as_a_path_is(tmp_path: Path) -> None:
    (line,) = faults(people(save=f"kind: TextPath, reads: track, path: {tmp_path}"), tmp_path)
    assert "save.path cannot be written: " in line
    assert "it is a folder, wanted a file" in line


@pytest.mark.parametrize(("value", "kind"), [("[a, b]", "tuple"), ("7", "int")])
def test_a_path_of_another_type_is_refused_with_kind_and_package(
    tmp_path: Path, value: str, kind: str
) -> None:
    (line,) = faults(people(save=f"kind: ManyPaths, reads: track, path: {value}"), tmp_path)
    assert line.endswith(
        "save.path must be text or a path: kind ManyPaths of package mine makes it a " + kind
    )


OUR_OWN = [(role, kind) for role in KINDS for kind in KINDS[role]]
OUR_OWN.remove(("runtime", "tensorrt"))  # it refuses to be made: nothing executes engines yet


@pytest.mark.parametrize(("role", "kind"), OUR_OWN)
def test_our_own_kinds_lack_nothing(role: str, kind: str) -> None:
    assert lacks(role, load(role, kind)) == []


@pytest.mark.parametrize(
    ("kind", "reads", "faults_"),
    [
        (
            "Partly",
            "track",
            "is no sink: it has no restore(), finish(), states(), committed(), close(),"
            " has_file_per_source; its write must take (messages, images)",
        ),
        (
            "Bare",
            "track",
            "is no analytics: it has no update(), state(), restore(); its constructor must take"
            " (options, context)",
        ),
        (
            "WithoutOptions",
            "track",
            "is no sink: its class attribute Options must be a streamdet.config.options.Options",
        ),
        (
            "SmallTracker",
            "detect",
            "is no tracker: its class attribute Options must be a"
            " streamdet.trackers.options.TrackerOptions",
        ),
        ("a_function", "track", "is no sink: it must be a class"),
    ],
)
def test_a_class_that_is_not_whole_is_refused_with_what_it_lacks(
    tmp_path: Path, kind: str, reads: str, faults_: str
) -> None:
    mine = people(
        mine=f"kind: {kind}, reads: {reads}", out="kind: redis_stream, reads: mine, stream: o"
    )
    line = next(line for line in faults(mine, tmp_path) if "mine.kind" in line)
    role = ROLES[kind]
    assert line == (
        f"g.yaml:9: mine.kind cannot be {kind}: plugin 'streamdet.{role.rstrip('s')}s: {kind} ="
        f" {__name__}:{kind}' of package 'mine' {faults_} (docs/plugins.md)"
    )


def test_a_kind_without_docstring_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "sink"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["FilePerSource"] == "(its class has no docstring)"
    assert lines["TextPath"] == "Its path is text."
    assert lines["Partly"].startswith("plugin 'streamdet.sinks: Partly =")
    assert main(["kinds", "FilePerSource"]) == 0
    assert main(["schema"]) == 0
