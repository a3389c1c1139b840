"""An archive gives what runs of its files give, goes on where it was, and redoes what changed."""

from __future__ import annotations

import csv
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streamdet.archive.detection_graph import split
from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.local_pipeline import LocalPipeline
from streamdet.archive.manifest import Manifest
from streamdet.archive.planning import Request
from streamdet.archive.progress import Hooks
from streamdet.archive.work import ArchiveWork
from streamdet.config.deploy import load_settings
from streamdet.graph import load_graph
from tests.archive.scenes import (
    OPTIONS,
    archive_command,
    command,
    done,
    frames_of,
    results,
    times_done,
    write_scene,
)

FRAMES = {"a.mp4": 75, "b.mkv": 50, "c.avi": 40}
PARTS = {"a": 5, "b": 3, "c": 1}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for seed, (name, frames) in enumerate(FRAMES.items()):
        write_scene(folder / name, seed, frames)
    return folder


@pytest.fixture(scope="module")
def archived(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("archive") / "out"
    done(archive_command(clips, output, "--format", "jsonl,csv,mot,coco,mp4"))
    return output


def rows(output: Path) -> dict[str, dict[str, str]]:
    with (output / "files.csv").open() as file:
        return {row["source_id"]: row for row in csv.DictReader(file)}


def test_the_outputs_are_those_of_a_run(clips: Path, archived: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / f"run{suffix}" for suffix in (".jsonl", ".csv", ".txt", ".coco.json")]
    wanted = [argument for path in outputs for argument in ("--output", str(path))]
    done(command("run", "people", "--source", str(clips), *wanted, *OPTIONS))
    lines, rows = frames_of(outputs[0]), outputs[1].read_text().splitlines()
    for stem in PARTS:
        of_file = [line for line in lines if line["source_id"] == stem]
        assert frames_of(archived / f"{stem}.jsonl") == of_file
        header, *of_archive = (archived / f"{stem}.csv").read_text().splitlines()
        assert of_archive == [row for row in rows if row.startswith(f"{stem},")]
        assert header == rows[0]
        for end in (".txt", ".coco.json"):
            of_run = (tmp_path / f"run-{stem}{end}").read_bytes()
            assert (archived / f"{stem}{end}").read_bytes() == of_run


def test_masks_of_a_model_without_any_are_refused(clips: Path, tmp_path: Path) -> None:
    refused = archive_command(clips, tmp_path / "out", "--format", "mots")
    assert "must lead to a model with masks" in done(refused, code=2)
    assert not (tmp_path / "out").exists()


def test_long_files_were_cut_where_they_can_be(archived: Path) -> None:
    assert {name: int(row["segments"]) for name, row in rows(archived).items()} == PARTS


def test_files_csv_has_a_row_for_each_file(clips: Path, archived: Path) -> None:
    found = rows(archived)
    assert {name: int(row["frames"]) for name, row in found.items()} == {"a": 75, "b": 50, "c": 40}
    assert {row["state"] for row in found.values()} == {"done"}
    for name, row in found.items():
        messages = frames_of(archived / f"{name}.jsonl")
        ids = {one["id"] for message in messages for one in message["objects"]} - {None}
        assert int(row["tracks"]) == max(ids, default=0)
        assert int(row["objects"]) == sum(len(message["objects"]) for message in messages)
    assert found["a"]["path"] == str(clips / "a.mp4")


def test_the_same_command_does_nothing_again(clips: Path, archived: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in archived.rglob("*.*") if path.is_file()}
    said = done(archive_command(clips, archived, "--format", "jsonl,csv,mot,coco,mp4"))
    assert "3 files: 3 done, 3 of them before" in said
    after = {path: path.stat().st_mtime_ns for path in before}
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed <= {"files.csv", "manifest.sqlite"}


@pytest.mark.nightly
def test_a_changed_file_alone_is_done_again(clips: Path, archived: Path, tmp_path: Path) -> None:
    own, output = tmp_path / "clips", tmp_path / "out"
    shutil.copytree(clips, own)
    done(archive_command(own, output))
    write_scene(own / "b.mkv", 9, 30)
    said = done(archive_command(own, output))
    assert f"changed since it was planned, done again: {own / 'b.mkv'}" in said
    assert "3 done, 2 of them before" in said
    assert len(frames_of(output / "b.jsonl")) == 30
    assert frames_of(output / "a.jsonl") == frames_of(archived / "a.jsonl")


@pytest.mark.nightly
def test_another_tracker_joins_again_and_another_detector_detects_again(
    clips: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    one = clips / "b.mkv"
    done(archive_command(one, output))
    tracked = frames_of(output / "b.jsonl")
    said = done(archive_command(one, output, "--set", "track.max_age=1"))
    assert "the tracker has changed: 1 file written again" in said
    assert times_done(output) == [1, 1, 1]
    said = done(archive_command(one, output, "--set", "detect.score_thresh=0.5"))
    assert "model has changed: 1 file detected again" in said
    assert frames_of(output / "b.jsonl") != tracked
    done(archive_command(one, output))
    assert frames_of(output / "b.jsonl") == tracked


def test_what_fails_is_said_and_only_tried_again_when_that_is_wanted(
    clips: Path, tmp_path: Path
) -> None:
    own, output = tmp_path / "clips", tmp_path / "out"
    own.mkdir()
    shutil.copy(clips / "b.mkv", own)
    (own / "broken.mp4").write_bytes(b"\0" * 5000)
    said = done(archive_command(own, output), code=1)
    assert "2 files: 1 done, 1 failed" in said
    assert f"{own / 'broken.mp4'}: unsupported or corrupt" in said
    assert rows(output)["broken"]["error"].startswith(str(own / "broken.mp4"))
    assert not (output / "broken.jsonl").exists()
    said = done(archive_command(own, output), code=1)
    assert "1 failed" in said
    stat = (own / "broken.mp4").stat()
    content = (clips / "b.mkv").read_bytes()
    (own / "broken.mp4").write_bytes(content)
    os.utime(own / "broken.mp4", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    said = done(archive_command(own, output, "--retry-failed"))
    assert (
        frames_of(output / "broken.jsonl")[3]["objects"]
        == frames_of(output / "b.jsonl")[3]["objects"]
    )


@pytest.mark.nightly
def test_a_list_names_files_from_its_own_folder(clips: Path, tmp_path: Path) -> None:
    shutil.copy(clips / "b.mkv", tmp_path)
    listed = tmp_path / "list.txt"
    listed.write_text("# the second\nb.mkv\ngone.mp4\n")
    said = done(archive_command(listed, tmp_path / "out"), code=1)
    assert "2 files: 1 done, 1 failed" in said
    assert f"{tmp_path / 'gone.mp4'}: cannot be opened (No such file or directory)" in said


@pytest.mark.nightly
def test_a_file_that_is_not_what_its_keyframes_promise_is_read_as_a_whole(
    clips: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done(archive_command(clips / "a.mp4", output))
    with closing(sqlite3.connect(ArchiveFolder(output).manifest)) as database:
        database.execute("UPDATE segments SET state = 'waiting', begin_pts = begin_pts + 1")
        database.execute("UPDATE files SET state = 'waiting'")
        database.commit()
    before = frames_of(output / "a.jsonl")
    said = done(archive_command(clips / "a.mp4", output))
    assert "not cut: cannot be read in parts" in said
    assert frames_of(output / "a.jsonl") == before
    with Manifest(ArchiveFolder(output).manifest, is_read_only=True) as manifest:
        assert [segment.cut.is_whole for segment in manifest.segments(1)] == [True]


def test_status_says_how_far_it_is(archived: Path) -> None:
    said = done(command("archive", "status", str(archived)))
    assert "3 files: 3 done, 0 waiting, 0 failed" in said
    assert "9 segments: 9 done, 0 waiting, 0 failed" in said


def test_two_commands_do_not_work_in_one_folder(clips: Path, archived: Path) -> None:
    with ArchiveFolder(archived).held():
        said = done(archive_command(clips, archived), code=2)
    assert "another streamdet archive is at work there" in said


def test_nothing_is_left_in_temporary_places(archived: Path) -> None:
    folder = ArchiveFolder(archived)
    assert list(folder.temporary.iterdir()) == []
    assert {path.suffix for path in folder.segments.iterdir()} == {".seg"}
    assert len(results(archived)) == 1 + 3 * 5


@pytest.mark.nightly
def test_a_file_that_changes_while_it_is_read_is_read_again_later(
    clips: Path, tmp_path: Path
) -> None:
    one, output = tmp_path / "b.mkv", tmp_path / "out"
    shutil.copy(clips / "b.mkv", one)
    done(archive_command(one, output))
    with closing(sqlite3.connect(ArchiveFolder(output).manifest)) as database:
        database.execute("UPDATE files SET state = 'waiting', mtime_ns = mtime_ns")
        database.commit()
    with ArchiveFolder(output).held(), Manifest(ArchiveFolder(output).manifest) as manifest:
        request = Request(split(load_graph("people", sources=[str(one)])), ("jsonl",), 60.0)
        pipelines = LocalPipeline(load_settings())
        work = ArchiveWork(manifest, ArchiveFolder(output), request, pipelines, Hooks())
        os.utime(one, ns=(1, 1))
        assert work.run([one])
        (row,) = manifest.files()
    assert row.error == f"{one}: it has changed while it was read: the next command reads it again"
    assert "1 file: 1 done" in done(archive_command(one, output))


@pytest.mark.nightly
def test_redo_does_all_again(clips: Path, tmp_path: Path) -> None:
    own, output = tmp_path / "clips", tmp_path / "out"
    own.mkdir()
    shutil.copy(clips / "b.mkv", own)
    done(archive_command(own, output))
    assert "0.0 s of video" not in done(archive_command(own, output, "--redo"))
    assert times_done(output) == [1, 1, 1]


@pytest.mark.nightly
def test_detections_that_are_gone_are_made_again_where_they_are_needed(
    clips: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done(archive_command(clips / "b.mkv", output, "--format", "csv"))
    before = (output / "b.csv").read_bytes()
    (ArchiveFolder(output).segments / "1-1.seg").unlink()
    assert "0.0 s of video" in done(archive_command(clips / "b.mkv", output, "--format", "csv"))
    (output / "b.csv").unlink()
    assert "0.7 s of video" in done(archive_command(clips / "b.mkv", output, "--format", "csv"))
    assert (output / "b.csv").read_bytes() == before


@pytest.mark.nightly
def test_with_detect_every_the_frames_between_get_the_tracks_boxes(
    clips: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    more = ("--detect-every", "3", "--format", "jsonl,csv")
    done(archive_command(clips / "b.mkv", output, *more))
    done(archive_command(clips / "b.mkv", tmp_path / "all"))
    lines, all_lines = frames_of(output / "b.jsonl"), frames_of(tmp_path / "all" / "b.jsonl")
    times = [line["pts_ns"] for line in lines]
    assert times == [line["pts_ns"] for line in all_lines]
    assert not any("dropped" in line for line in lines)
    looked_at = {begin + step for begin in (0, 15, 30) for step in range(0, 20, 3)}
    put = {line["frame_id"] for line in lines for one in line["objects"] if "interpolated" in one}
    assert put
    assert not put & {index for index in looked_at if index % 15 % 3 == 0 and index < 45}
    with (output / "b.csv").open() as file:
        marked = {row["frame_id"] for row in csv.DictReader(file) if row["interpolated"] == "true"}
    assert marked == {str(index) for index in put}
    said = done(archive_command(clips / "b.mkv", output))
    assert "model has changed: 1 file detected again" in said
