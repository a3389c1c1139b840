"""Many cameras in the report and in `streamdet status`: a line each."""

from __future__ import annotations

from dataclasses import replace

from streamdet.commands.report_text import report_lines
from streamdet.commands.status_text import status_lines
from streamdet.run.report import CameraReport, Report, SourceReport, StageReport
from streamdet.run.status import RunStatus

BUSY = "busy: enough frames of its source were under way"
STALE = "stale: the frame came too late"
LIVE = CameraReport("live", "", 5)
AWAY = CameraReport("lost", "nobody answers at that address and port", 5)


def camera(name: str, state: CameraReport = LIVE, **dropped: int) -> SourceReport:
    reasons = {BUSY: dropped.get("busy", 0), STALE: dropped.get("stale", 0)}
    reasons = {reason: count for reason, count in reasons.items() if count}
    emitted = 102 + sum(reasons.values())
    return SourceReport(
        name, "rtsp://cam", emitted, 0, emitted, reasons, 100, 2, 0, None, (), state
    )


CAMERAS = (
    camera("door", busy=4, stale=30),
    camera("127.0.0.1-8554_yard", AWAY),
    *(camera(f"c{number}") for number in range(14)),
)
LINES = [
    "  camera                   emitted  published    dropped  in flight  state",
    "  door                         136        100         34          2  "
    "live; dropped: 30 stale, 4 busy",
    "  127.0.0.1-8554_yard          102        100          0          2  "
    "lost (nobody answers at that address and port)",
    *(
        f"  {f'c{number}':<19}          102        100          0          2  live"
        for number in range(14)
    ),
]
FILE = SourceReport("a", "a.mp4", 5, 0, 5, {}, 5, 0, 0, None, ())


def test_the_status_of_sixteen_cameras_has_a_line_each() -> None:
    status = RunStatus("r", "people", 7, elapsed_s=3.0, sources=(*CAMERAS, FILE))
    head, a_file, *lines = status_lines(status)
    assert head.startswith("run r: people, 3.0 s, 15 of 16 cameras live, 0 objects in 1605 frames")
    assert a_file == "  a: 5 emitted, 0 dropped, 5 published"
    assert lines == LINES


def test_the_report_of_sixteen_cameras_has_a_line_each() -> None:
    stage = StageReport("detect", "yolox", 15, 7.25, 12.5, None)
    report = Report(
        "r", "people", "stopped", None, 4.0, 2.5, 0, {}, (), (), (*CAMERAS, FILE), (stage,)
    )
    head, a_file, *lines = report_lines(report)
    assert head.startswith("people: stopped, 15 of 16 cameras live, 0 objects in 1605 frames")
    assert a_file == "  a: 5 decoded, 5 published with 0 objects"
    assert lines[:17] == [LINES[0].replace(" in flight", "unfinished"), *LINES[1:]]


def test_a_run_of_files_has_no_table_of_cameras() -> None:
    lines = list(status_lines(RunStatus("r", "people", 7, sources=(FILE,))))
    assert len(lines) == 2
    assert "camera" not in lines[0]


def test_a_reason_without_end_is_cut() -> None:
    away = camera("door", CameraReport("refused", "x" * 1000, 5))
    *_, line = status_lines(RunStatus("r", "people", 7, sources=(away,)))
    assert len(line) < 200


def test_cameras_that_came_and_went_are_told() -> None:
    gone = replace(camera("yard", CameraReport("removed", "by X", 5)), added_s=12.4)
    status = RunStatus("r", "people", 7, elapsed_s=3.0, sources=(CAMERAS[0], gone))
    head, *_, line = status_lines(status)
    assert "1 of 1 camera live" in head
    assert line.endswith("removed (by X); added after 12 s")
