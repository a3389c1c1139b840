"""What a run shows while it lasts, and tells at its end."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.commands.live import as_it_is, describe
from streamdet.commands.progress_through import progress_through
from streamdet.commands.progress_view import PlainView, metrics, progress_view
from streamdet.commands.report_text import report_lines
from streamdet.events import Event
from streamdet.formats.event_json import camera_event, event_line
from streamdet.formats.event_parts import event_text
from streamdet.formats.recording_events import ClipEvent, ClipObject, recording_event
from streamdet.run.report import Report, Snapshot, SourceReport, StageReport
from tests.sinks import frames

SOURCE = SourceReport(
    source_id="cam",
    address="cam.mp4",
    decoded=20,
    sampled_away=5,
    emitted=15,
    dropped={"too large": 3},
    published=10,
    unfinished=2,
    damaged=1,
    error=None,
    warnings=(),
    objects=31,
    tracks=1,
)
STAGE = StageReport("detect", "yolox", 15, 7.25, 12.5, None)
REPORT = Report(
    "run", "people", "done", None, 4.0, 2.5, 1, {"detect": "openvino"}, (), (), (SOURCE,), (STAGE,)
)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_progress_line_adds_up() -> None:
    line = metrics(Snapshot((SOURCE,), expected=40, elapsed_s=2.0))
    assert line == "13/40 frames  6.5 fps  2 in flight  3 dropped"


def test_an_unknown_total_is_left_out() -> None:
    assert metrics(Snapshot((), expected=None, elapsed_s=0.0)).startswith("0 frames  0.0 fps")


@pytest.mark.parametrize(("total", "line"), [(3, "1/3 frames"), (None, "1 frames")])
def test_a_list_of_known_and_of_unknown_length_is_counted(
    monkeypatch: pytest.MonkeyPatch, total: int | None, line: str
) -> None:
    now = iter([0.0, 1.0, 6.0, 7.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    stream = io.StringIO()
    assert list(progress_through(iter("abc"), "frames", stream, total)) == ["a", "b", "c"]
    assert stream.getvalue() == f"{line}\n"


def test_plain_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    stream = io.StringIO()
    view = PlainView(stream)
    for second in range(12):
        now[0] = float(second)
        view.show(Snapshot((SOURCE,), None, 1.0))
    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("expected", [None, 40])
def test_a_terminal_gets_a_bar_that_is_gone_in_the_end(expected: int | None) -> None:
    stream = Terminal()
    with progress_view(stream) as view:
        view.show(Snapshot((SOURCE,), expected, 2.0))
        view.print("a line [not markup]")
    assert "a line [not markup]" in stream.getvalue()


def test_the_report_accounts_for_every_frame() -> None:
    text = "\n".join(report_lines(REPORT))
    assert "20 decoded, 5 sampled away, 3 dropped (too large), 2 unfinished, 10 published" in text
    assert "10 published with 31 objects, 1 track," in text
    assert "1 packet damaged" in text
    assert text.startswith(
        "people: done, 31 objects, 1 track in 10 frames, 4.0 s, 2.5 fps, 3 dropped, 1 restart\n"
    )


def test_the_report_s_first_line_says_how_many_sources_failed() -> None:
    bad = replace(SOURCE, source_id="bad", error="bad.mp4: is empty", published=0, objects=0)
    head, _, account, *_ = report_lines(replace(REPORT, sources=(SOURCE, bad)))
    assert head.startswith("people: done, 1 of 2 sources failed, 31 objects, 2 tracks in 10 frames")
    assert account.endswith(", failed")


def test_the_report_ends_with_the_files_that_were_written(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("o-a.mp4", "o-b.mp4")]
    *_, first, second = report_lines(REPORT, files)
    assert first == f"  written: {files[0]}"
    assert second == f"           {files[1]}"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.01"), (9.876, "9.88"), (12.34, "12.3"), (1620.4, "1620")]
)
def test_milliseconds_are_plain_numbers(value: float, text: str) -> None:
    stage = replace(STAGE, node="a-node-with-a-long-name", latency_p95_ms=value)
    header, line = list(report_lines(replace(REPORT, stages=(stage,)), with_stages=True))[-2:]
    assert line[: header.rindex("p95") + 3].endswith(f" {text}")


def test_the_report_names_what_really_ran() -> None:
    lines = report_lines(REPORT, with_stages=True)
    (line,) = [line for line in lines if line.startswith("  detect")]
    assert line.split() == ["detect", "7.25", *"----", "12.5", "-", "openvino"]


def test_the_stages_are_listed_only_where_they_are_asked_for() -> None:
    assert list(report_lines(REPORT)) == list(report_lines(REPORT, with_stages=True))[:-2]


def test_without_a_tracker_no_tracks_are_counted() -> None:
    head, *_ = report_lines(replace(REPORT, sources=(replace(SOURCE, tracks=None),)))
    assert head.startswith("people: done, 31 objects in 10 frames, 4.0 s")


def test_a_run_with_a_failed_source_is_not_good() -> None:
    bad = replace(SOURCE, error="cam.mp4: no decodable frames")
    assert REPORT.is_good
    assert not replace(REPORT, sources=(SOURCE, bad)).is_good
    assert not replace(REPORT, outcome="stopped").is_good


def message(**values: object) -> dict[str, bytes]:
    head = {"schema": "streamdet/1", "source_id": "cam", "frame_id": 7, "objects": []}
    return {"metadata": json.dumps(head | values).encode()}


def test_a_published_frame_is_told_in_a_line() -> None:
    person = {"id": 3, "label": "person", "confidence": 0.913, "bbox": [1.4, 2, 3.6, 4]}
    line = describe(message(objects=[person]))
    assert line.split() == (
        ["cam", "frame", "7", "1", "objects", "person#3", "0.91", "[1", "2", "4", "4]"]
    )


def test_an_object_without_a_track_has_no_number() -> None:
    person = {"id": None, "label": "person", "confidence": 0.9, "bbox": [1, 2, 3, 4]}
    assert "person 0.90" in describe(message(objects=[person]))


def test_a_dropped_frame_says_why() -> None:
    assert describe(message(dropped="too large")).endswith("dropped: too large")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"metadata": b'{"version":"4.0"}'}, '{"version":"4.0"}'),
        ({"metadata": b"no JSON\n\xff"}, "no JSON\\n\\xff"),
        ({"metadata": b"[1]"}, "[1]"),
        ({"metadata": b'{"schema":"streamdet/1"}'}, '{"schema":"streamdet/1"}'),
        ({"other": b"1", "more": b"2"}, "other=1  more=2"),
    ],
)
def test_a_message_of_another_format_is_shown_as_it_is(fields: dict[str, bytes], text: str) -> None:
    assert describe(fields) == text


def test_an_event_is_told_in_a_line() -> None:
    counts = {"inside": 1, "entered": 4}
    enter = Event("zone_exit", "yard", 7, 0, counts=counts, more={"reason": "left"})
    line = event_line(enter, frames.message("door", 250), "run-1", ("person",))
    assert describe({"event": line}) == (
        "door             frame    250  zone_exit left  yard  person#7  inside 1, entered 4"
    )
    stopped = recording_event("run-1", "record", "/clips: full", 0)
    assert describe({"event": stopped}) == "record" + " " * 25 + "recording stopped /clips: full"
    person = ClipObject(track=3, class_id=0, label="person", confidence=0.9)
    clip = ClipEvent(
        id="1",
        run="run-1",
        source_id="door",
        path="/a.mp4",
        bytes=1,
        starts_at="",
        ends_at="",
        events=[],
        objects=[person],
    )
    written = describe({"event": event_text(clip)})
    assert written == "door" + " " * 27 + "clip  person#3  /a.mp4"
    camera = camera_event("run-1", "door", {"state": "lost", "reason": "gone", "since_ns": 0}, 9)
    assert describe({"event": camera}) == "door             frame      9  camera lost gone"
    assert as_it_is({"event": camera}) == camera.decode()
    assert describe({"event": b"other"}) == "other"
