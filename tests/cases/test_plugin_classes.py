"""Classes of other packages as newcomers write them: what works, and what is refused at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet import plugins
from streamdet.config.options import Options
from streamdet.graph.outputs import files_written
from streamdet.sinks.redis_stream import RedisStreamSink
from tests.graph.graphs import faults, load_text, people


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


ROLES = {"TextPath": "sink", "FilePerSource": "sink", "ManyPaths": "sink"}
"""Classes of this module that are entry points, by their own names."""


def _forget() -> None:
    plugins.found.cache_clear()
    plugins._entry_points.cache_clear()


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    info = tmp_path / "site" / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    points = (f"[streamdet.{role}s]\n{name} = {__name__}:{name}\n" for name, role in ROLES.items())
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
    (line,) = faults(people(save="kind: TextPath, reads: track, path: /no/where/x"), tmp_path)
    assert "save.path cannot be written: /no/where/x: there is no folder /no/where" in line


@pytest.mark.parametrize(("value", "kind"), [("[a, b]", "tuple"), ("7", "int")])
def test_a_path_of_another_type_is_refused_with_kind_and_package(
    tmp_path: Path, value: str, kind: str
) -> None:
    (line,) = faults(people(save=f"kind: ManyPaths, reads: track, path: {value}"), tmp_path)
    assert line.endswith(
        "save.path must be text or a path: kind ManyPaths of package mine makes it a " + kind
    )
