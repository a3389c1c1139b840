"""Metrics of a run that add up."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from streamdet.commands.report_text import report_lines
from streamdet.run.accounting import _End, _source_report
from streamdet.run.report import Report, Snapshot, SourceReport, StageReport, stage_reports
from streamdet.sources import Position
from streamdet.sources.positions import pack_position
from streamdet.transport.bus import SourceResult

SOURCE = SourceReport("cam", "cam.mp4", 100, 50, 50, {"stale": 2, "broken": 1}, 45, 2, 3, None, ())
STAGE = StageReport("detect", "hog_people", 50, 12.345, None, 20.0, 0.25, 7.0, 98.7, 123.4)
REPORT = Report(
    run_id="0a",
    graph="people",
    outcome="done",
    failure=None,
    wall_s=10.0,
    fps=4.5,
    restarts=3,
    runtimes={"detect": "opencv"},
    tracebacks=(),
    warnings=(),
    sources=(SOURCE,),
    stages=(STAGE, replace(STAGE, node="track", kind="sort", latency_p50_ms=0.5)),
)


def test_a_snapshot_adds_its_sources() -> None:
    snapshot = Snapshot((SOURCE, SOURCE), None, 1.0)
    assert (snapshot.emitted, snapshot.published, snapshot.dropped) == (100, 90, 6)


@pytest.mark.parametrize(
    ("outcome", "error", "is_good"),
    [
        ("done", None, True),
        ("done", "bad", False),
        ("stopped", None, False),
        ("failed", None, False),
    ],
)
def test_a_run_is_good_when_it_and_all_its_sources_are(
    outcome: str, error: str | None, *, is_good: bool
) -> None:
    report = replace(REPORT, outcome=outcome, sources=(replace(SOURCE, error=error),))
    assert report.is_good is is_good


def test_a_run_that_drops_every_frame_of_a_source_is_not_good() -> None:
    lost = replace(SOURCE, dropped={"stale": 48, "broken": 2}, published=0, unfinished=0)
    report = replace(REPORT, sources=(SOURCE, lost))
    assert lost.failure == "cam: every frame was dropped (broken; stale)"
    assert not report.is_good
    assert [source["error"] for source in report.as_dict()["sources"]] == [None, lost.failure]
    assert "1 of 2 sources failed" in next(iter(report_lines(report)))


def test_a_source_without_frames_is_no_failure() -> None:
    assert replace(SOURCE, emitted=0, dropped={}, published=0, unfinished=0).failure is None


def test_a_report_is_json() -> None:
    values = json.loads(json.dumps(REPORT.as_dict()))
    assert values["sources"][0]["dropped"] == {"stale": 2, "broken": 1}
    assert values["stages"][0]["node"] == "detect"


def test_stages_are_read_off_the_counters_in_the_graphs_order() -> None:
    counters = {"frames:track": 4, "work_ns:track": 8_000_000, "latency:track:40": 4}
    counters |= {"waiting:track:36": 4, "work:track:32": 4}
    track, publish = stage_reports({"track": "sort", "publish": "jsonl"}, counters)
    assert (track.frames, track.work_ms, publish.frames, publish.work_ms) == (4, 2.0, 0, 0.0)
    assert track.latency_p50_ms == pytest.approx(1.1, rel=0.2)
    assert track.waiting_p95_ms == pytest.approx(0.55, rel=0.2)
    assert track.work_p50_ms == pytest.approx(0.28, rel=0.2)
    assert publish.latency_p95_ms is None


@pytest.mark.parametrize("committed", [5, 20, 60])
def test_every_frame_of_a_source_is_accounted_for(committed: int) -> None:
    packed = pack_position(Position(60, 120, 4), {"error": "x", "warnings": ["w"]})
    report = _source_report("cam", "cam.mp4", packed, [_End(SourceResult(committed), {"stale": 5})])
    assert report.decoded == report.sampled_away + report.emitted
    assert report.emitted == report.published + sum(report.dropped.values()) + report.unfinished
    assert (report.damaged, report.error, report.warnings) == (4, "x", ("w",))


def test_of_several_sinks_the_slowest_says_how_far_and_the_richest_what_was_found() -> None:
    packed = pack_position(Position(60, 60, 0))
    ends = [_End(SourceResult(50, 9, 2), {}), _End(SourceResult(60, 11), {})]
    report = _source_report("cam", "cam.mp4", packed, ends)
    assert (report.published, report.objects, report.tracks) == (50, 11, 2)


def test_a_source_that_never_started_has_metrics_too() -> None:
    report = _source_report("cam", "cam.mp4", None, [_End(SourceResult(), {})])
    assert (report.decoded, report.published, report.unfinished, report.error) == (0, 0, 0, None)


def test_a_report_for_people_leaves_out_what_did_not_happen() -> None:
    text = "\n".join(report_lines(REPORT, with_stages=True))
    assert "people: done, 0 objects in 45 frames, 10.0 s, 4.5 fps, 3 dropped, 3 restarts" in text
    assert (
        "cam: 100 decoded, 50 sampled away, 1 dropped (broken), 2 dropped (stale), 2 unfinished,"
        " 45 published with 0 objects, 3 packets damaged"
    ) in text
    (detect,) = [line.split() for line in text.splitlines() if line.startswith("  detect")]
    assert detect == ["detect", "12.3", "98.7", "123", "0.25", "7.00", "-", "20.0", "opencv"]
    plain = replace(SOURCE, sampled_away=0, dropped={}, unfinished=0, damaged=0)
    lines = list(report_lines(replace(REPORT, restarts=0, sources=(plain,))))
    assert lines[0].endswith("fps")
    assert lines[1] == "  cam: 100 decoded, 45 published with 0 objects"
