"""A run's report for people to read."""

from __future__ import annotations

from collections.abc import Iterator

from streamdet.report import Report, SourceReport, StageReport


def report_lines(report: Report) -> Iterator[str]:
    """Tell what a run did, line by line."""
    published = sum(source.published for source in report.sources)
    yield (
        f"{report.graph}: {report.outcome}, {published} frames published"
        f" in {report.wall_s:.1f} s, {report.fps:.1f} fps"
        + (f", {report.restarts} restarts" if report.restarts else "")
    )
    for source in report.sources:
        yield f"  {source.source_id}: {_account(source)}"
    yield "  stage          work ms  latency ms (p50, p95)  what runs it"
    for stage in report.stages:
        yield "  " + _stage_line(stage, report.runtimes.get(stage.node, stage.kind))


def _account(source: SourceReport) -> str:
    parts = [
        f"{source.decoded} decoded",
        f"{source.sampled_away} sampled away" if source.sampled_away else "",
        *(f"{count} dropped ({reason})" for reason, count in sorted(source.dropped.items())),
        f"{source.unfinished} unfinished" if source.unfinished else "",
        f"{source.published} published",
        f"{source.damaged} packets damaged" if source.damaged else "",
    ]
    return ", ".join(filter(None, parts))


def _stage_line(stage: StageReport, runs: str) -> str:
    latencies = f"{_ms(stage.latency_p50_ms)} {_ms(stage.latency_p95_ms)}"
    return f"{stage.node:<14} {stage.work_ms:>7.2f}  {latencies:>21}  {runs}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
