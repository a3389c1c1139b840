"""Graphs that would run something, fill the memory or never end."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from streamdet.cli import main

BOMBS = {
    "python": "!!python/object/apply:os.system ['touch {out}']",
    "name": "a: !!python/name:os.system",
    "tag": "a: !include /etc/passwd",
    "aliases": "\n".join(
        ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]
    ),
    "itself": "a: &a [*a]",
    "deep": "[" * 100_000,
    "deep map": "a: " + "{a: " * 50_000,
    "indent": "\n".join(" " * n + "a:" for n in range(1000)),
    "large": "a: " + "x" * (2 << 20),
    "many": "a: [" + "1, " * 200_000 + "]",
    "twice": "version: 1\nversion: 2",
    "merge": "a: &a {b: 1}\n<<: *a",
    "number": "version: " + "9" * 500_000,
    "documents": "a: 1\n---\n" * 1000,
    "binary": "a: !!binary aGVsbG8=",
    "NUL": "a: 'b\0c'",
    "shell": "version: 1\nname: $(touch {out})",
    "file": "version: ${{file:/etc/passwd}}",
}


def complaint(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    assert main(["check", str(path)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_in_a_few_lines(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(BOMBS[kind].replace("{out}", str(tmp_path / "out")).replace("{{", "{"))
    said = complaint(capsys, path)
    assert "g.yaml" in said and "Traceback" not in said and len(said) < 3000
    assert "root:" not in said
    assert not (tmp_path / "out").exists()


def mutant(content: bytes, rng: Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randrange(1, 5)):
        at, way = rng.randrange(len(data)), rng.random()
        if way < 0.5:
            data[at] = rng.choice(b"\0\t\n :-&*!|>{}[]'\"#%@`,?$x0\x9b\xff")
        elif way < 0.75:
            del data[at : at + rng.randrange(20)]
        else:
            data[at:at] = data[rng.randrange(len(data)) :][: rng.randrange(40)]
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("count", [150, pytest.param(20_000, marks=pytest.mark.nightly)])
def test_mutants_of_a_graph_are_checked_or_refused_in_words(
    count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Path(__file__).parents[2] / "pipelines" / "people.yaml"
    rng, content, codes = Random(count), graph.read_bytes(), []
    for _ in range(count):
        (tmp_path / "m.yaml").write_bytes(mutant(content, rng))
        codes.append(main(["check", str(tmp_path / "m.yaml")]))
        assert "Traceback" not in capsys.readouterr().err
    assert set(codes) <= {0, 1, 2} and codes.count(2) > count / 4
