"""What is made of an archive's results: answers to SQL, and a page that opens from the disk."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from streamdet.archive.file_summary import read_summary
from streamdet.archive.folder import ArchiveFolder
from streamdet.formats.object_rows import COLUMNS
from streamdet.sinks.parquet import RUN
from tests.archive.scenes import OPTIONS, archive_command, command, done, frames_of, write_scene
from tests.required import skip_for_want_of

FRAMES = 40


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_scene(folder / "it's <b>.mp4", 1, FRAMES)
    write_scene(folder / "two.mkv", 2, FRAMES)
    return folder


@pytest.fixture(scope="module")
def archived(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("archive") / "out's"
    done(archive_command(clips, output, "--format", "jsonl,parquet"))
    return output


def asked(output: Path, sql: str) -> list[dict[str, str]]:
    said = done(command("archive", "query", str(output), sql))
    return list(csv.DictReader(io.StringIO(said)))


def test_a_query_answers_over_all_files(archived: Path) -> None:
    rows = asked(archived, "SELECT source_id, count(*) AS n FROM objects GROUP BY ALL ORDER BY ALL")
    lines = {path.stem: frames_of(path) for path in archived.glob("*.jsonl")}
    expected = {name: sum(len(one["objects"]) for one in each) for name, each in lines.items()}
    assert {row["source_id"]: int(row["n"]) for row in rows} == expected


def test_the_columns_of_objects_are_those_of_a_parquet_output(archived: Path) -> None:
    assert list(asked(archived, "SELECT * FROM objects LIMIT 1")[0]) == [RUN, *COLUMNS]


def test_a_query_joins_objects_and_files(clips: Path, archived: Path) -> None:
    sql = "SELECT DISTINCT path FROM objects JOIN files USING (source_id) ORDER BY 1"
    assert [row["path"] for row in asked(archived, sql)] == sorted(map(str, clips.iterdir()))


def test_a_wrong_query_is_one_sentence(archived: Path) -> None:
    said = done(command("archive", "query", str(archived), "SELEC 1"), code=2)
    assert said.startswith("error: the query failed: ")
    assert len(said.splitlines()) == 1


@pytest.mark.nightly
def test_an_archive_without_rows_says_how_to_get_them(clips: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    done(archive_command(clips / "two.mkv", output))
    said = done(command("archive", "query", str(output), "SELECT 1"), code=2)
    assert "--format parquet" in said
    assert "1 file written again" in done(
        archive_command(clips / "two.mkv", output, "--format", "csv")
    )
    (row,) = asked(output, "SELECT count(DISTINCT frame_id) AS frames FROM objects")
    lines = frames_of(output / "two.jsonl")
    assert int(row["frames"]) == sum(bool(line["objects"]) for line in lines)
    rows = (output / "two.csv").read_text().splitlines()
    of_earlier = [",".join(each.split(",")[:-2]) for each in rows]
    (output / "two.csv").write_text("\n".join(of_earlier) + "\n")
    (again,) = asked(output, "SELECT count(DISTINCT frame_id) AS frames, max(parent) FROM objects")
    assert again == {"frames": row["frames"], "max(parent)": ""}


def test_the_summary_of_a_file_adds_up(archived: Path) -> None:
    summary = read_summary(ArchiveFolder(archived).summary("two"))
    assert summary is not None
    lines = frames_of(archived / "two.jsonl")
    objects = [one for line in lines for one in line["objects"]]
    assert summary.frames == {0: 25, 1: FRAMES - 25}
    assert sum(counts.total() for counts in summary.counts.values()) == len(objects)
    assert summary.heat.total() == len(objects)
    ids = {one["id"] for one in objects} - {None}
    assert set(summary.tracks) == ids
    assert ids
    for track_id, view in summary.tracks.items():
        assert view.frames == sum(one["id"] == track_id for one in objects)
        boxes = [one["bbox"] for one in lines[view.index]["objects"] if one["id"] == track_id]
        assert boxes == [[pytest.approx(edge, abs=0.01) for edge in view.xyxy]]


def test_the_page_shows_every_file_in_a_browser_without_a_server(
    clips: Path, archived: Path
) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_for_want_of("browser", "no chromium: sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    said = done(command("archive", "summary", str(archived)))
    assert "2 files, 2 of them with charts and tracks" in said
    asked_for: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked_for.append(request.url.partition(":")[0]))
        page.goto((archived / "summary.html").as_uri())
        facts: dict[str, Any] = page.evaluate(
            "() => ({headings: [...document.querySelectorAll('h2')].map(h => h.textContent),"
            " broken: [...document.images].filter(i => !i.naturalWidth).length,"
            " figures: document.querySelectorAll('figure img').length,"
            " lines: document.querySelectorAll('polyline').length,"
            " paths: [...document.querySelectorAll('h2 + p')].map(p => p.textContent)})"
        )
        browser.close()
    assert set(asked_for) <= {"file", "data"}
    assert asked_for.count("file") == 1
    assert facts["broken"] == 0
    assert facts["lines"] == 2
    assert set(facts["paths"]) == set(map(str, clips.iterdir()))
    tracks = [read_summary(path) for path in ArchiveFolder(archived).summaries.iterdir()]
    assert facts["figures"] == sum(len(each.tracks) for each in tracks if each is not None)


@pytest.mark.nightly
def test_zones_and_events_are_those_of_a_run(clips: Path, tmp_path: Path) -> None:
    graph = tmp_path / "yard.yaml"
    graph.write_text(
        """
version: 1
nodes:
  camera: {kind: source, uri: "synthetic:street", process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: hog_people}
  track: {kind: byte_track, reads: detect, process: back}
  yard:
    kind: zones
    reads: track
    process: back
    zones: {left: {polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}
  write: {kind: redis_stream, reads: yard, process: back, stream: detections}
"""
    )
    output, clip = tmp_path / "out", clips / "two.mkv"
    common = ("--source", str(clip), *OPTIONS)
    lines, events = tmp_path / "two.jsonl", tmp_path / "two.events.jsonl"
    done(command("run", str(graph), *common, "--output", str(lines), "--output", str(events)))
    formats = ("--format", "jsonl,events", "--segment-s", "0.6", "--output", str(output))
    done(command("archive", str(graph), *common, *formats))
    assert frames_of(output / "two.jsonl") == frames_of(lines)
    found = frames_of(output / "two.events.jsonl")
    assert found
    assert found == frames_of(events)
    said = done(archive_command(clip, output, "--format", "events"), code=2)
    assert "has no analytics node" in said
