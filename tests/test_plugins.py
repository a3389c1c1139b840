"""Kinds of other packages: found by name, imported when used, broken or doubled ones named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet import plugins, registry
from streamdet.errors import ConfigError


def _forget() -> None:
    plugins.found.cache_clear()
    plugins._entry_points.cache_clear()


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    info = tmp_path / "example-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[streamdet.sinks]\nposts = fractions:Fraction\n"
        "broken = no_such_module:Sink\njsonl = fractions:Fraction\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    yield
    _forget()


def test_a_plugin_is_a_kind_of_its_role() -> None:
    assert registry.role_of("posts") == "sink"
    assert "posts" in registry.names("sink")
    assert registry.load("sink", "posts").__name__ == "Fraction"


def test_a_broken_plugin_is_named_with_its_package() -> None:
    with pytest.raises(ConfigError, match=r"broken = no_such_module:Sink.*'example'.*No module"):
        registry.load("sink", "broken")


def test_a_name_of_two_packages_is_refused() -> None:
    with pytest.raises(ConfigError, match="'jsonl' is in several packages: streamdet, example"):
        registry.role_of("jsonl")
