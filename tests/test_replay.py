"""A stage of a running run is recorded, and a replay gives what the run gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main
from tests.recorded_run import GRAPH, frames, record, running


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of two stages of a run that had been under way, and what the run wrote."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "zoned.yaml").write_text(GRAPH)
    with running(str(folder / "zoned.yaml"), folder / "run.jsonl"):
        record(folder, "zoned", "detect", "--images", "--frames", "30")
        record(folder, "zoned", "track", "--frames", "20")
    return folder


@pytest.mark.parametrize("stage", ["detect", "track"])
def test_a_replay_finds_the_boxes_tracks_and_zones_of_the_run(
    recorded: Path, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    graph = str(recorded / "zoned.yaml")
    assert main(["replay", str(recorded / f"{stage}.sdrec"), graph, "--json"]) == 0
    replayed = frames(capsys.readouterr().out)
    run = frames((recorded / "run.jsonl").read_text())
    assert len(replayed) >= 15
    assert min(index for _, index in replayed) > 10  # the trackers had been at work
    assert {key: frame["objects"] for key, frame in replayed.items()} == {
        key: run[key]["objects"] for key in replayed
    }
    assert sum(len(frame["objects"]) for frame in replayed.values()) > 30


def test_another_graph_takes_it_from_the_same_stage_on_and_writes_what_is_asked_for(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bug, output = str(recorded / "track.sdrec"), tmp_path / "boxes.jsonl"
    arguments = ["--output", str(output), "--set", "track.kind=sort"]
    assert main(["replay", bug, "people", *arguments]) == 0
    said = capsys.readouterr().out
    assert f"track of people: {len(output.read_text().splitlines())} frames" in said


@pytest.mark.parametrize(
    ("stage", "more", "sentence"),
    [
        ("track", ["people", "--stage", "detect"], "has no images, which detect needs"),
        ("track", ["people", "--stage", "tracker"], "people has no such node; it has prepare"),
    ],
)
def test_what_does_not_fit_is_a_sentence(
    recorded: Path, capsys: pytest.CaptureFixture[str], stage: str, more: list[str], sentence: str
) -> None:
    assert main(["replay", str(recorded / f"{stage}.sdrec"), *more]) == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_cut_off_is_replayed_as_far_as_it_is_whole(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.sdrec"
    content = (recorded / "track.sdrec").read_bytes()
    cut.write_bytes(content[:-200])
    assert main(["replay", str(cut), str(recorded / "zoned.yaml"), "--json"]) == 1
    out, err = capsys.readouterr()
    assert main(["replay", str(recorded / "track.sdrec"), "people", "--json"]) == 0
    whole = capsys.readouterr().out
    assert 10 < len(out.splitlines()) < len(whole.splitlines())
    assert "it is cut off after" in err


def test_nothing_but_the_file_stays_and_a_wrong_name_is_answered(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {path.name for path in recorded.iterdir()}
    assert names == {"detect.sdrec", "track.sdrec", "run.jsonl", "run.log", "zoned.yaml"}
    assert main(["record", "no-such-run", "--stage", "detect", "-o", str(recorded / "x")]) == 2
    assert "no run" in capsys.readouterr().err
