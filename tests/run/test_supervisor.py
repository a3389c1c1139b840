"""A run from start to end, where the command line cannot bring it about."""

from __future__ import annotations

from pathlib import Path

from streamdet.config.deploy import load_settings
from streamdet.graph import load_graph
from streamdet.run.report import Report
from streamdet.run.supervisor import Supervisor


def run_unprobed(output: Path, deploy: str = "local") -> Report:
    """Run a scene whose images nobody had the time to measure."""
    graph = load_graph(
        "people",
        sources=["synthetic:street?frames=3&hw=800x1300"],
        outputs=[str(output)],
        overrides=["detect.model=hog_people", "prepare.shortest_edge=120"],
    )
    return Supervisor(graph, load_settings(deploy), probe_limit_s=0.0).run()


def test_images_too_large_for_the_slots_of_an_unprobed_source_end_it(tmp_path: Path) -> None:
    report = run_unprobed(tmp_path / "o.mp4")
    [warning], [source] = report.warnings, report.sources
    assert warning.startswith("camera: the size of street could not be found out in time")
    assert source.error is not None
    assert source.error.startswith("street: an image of 800x1300 (1040000 pixels) does not fit")
    assert not (tmp_path / "o.mp4").exists()
    (tmp_path / "large.yaml").write_text("slot_hw: [800, 1300]\n")
    large = run_unprobed(tmp_path / "o.mp4", str(tmp_path / "large.yaml"))
    assert [each.published for each in large.sources] == [3]
