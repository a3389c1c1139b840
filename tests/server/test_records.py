"""The records of a served run, by HTTP and on the page."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from streamdet.records.rows import EventRow
from streamdet.records.writer import RecordWriter
from tests.server.served import LIMIT_S, Served, served
from tests.server.test_page import browser, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]
GRAPH = """\
version: 1
nodes:
  camera: {kind: source, uri: 'synthetic:street?frames=60&hw=240x320', process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: people}
  track: {kind: byte_track, reads: detect, process: back}
  shoot: {kind: snapshot, reads: track, process: back, folder: 'FOLDER/shots'}
  keep: {kind: records, reads: track, process: back, folder: 'FOLDER/kept'}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run whose tracks have ended and have their snapshots."""
    folder = tmp_path_factory.mktemp("records")
    (folder / "secret.jpg").write_text("of the machine")
    (folder / "graph.yaml").write_text(GRAPH.replace("FOLDER", str(folder)))
    with served(folder, graph=str(folder / "graph.yaml")) as running:
        deadline_s = time.monotonic() + LIMIT_S
        while running.read("/run")["report"] is None:
            assert time.monotonic() < deadline_s, running.log
            time.sleep(0.2)
        _keep_other_files(folder)
        _keep_red_car(folder)
        yield running


def _keep_other_files(folder: Path) -> None:
    """Have the records name files that are none of the run's."""
    writer = RecordWriter(folder / "kept")
    for number, path in enumerate((folder / "secret.jpg", folder / "shots" / ".." / "secret.jpg")):
        event = {"id": f"other-{number}", "event": "snapshot", "run": "x", "source_id": "street"}
        writer.write([EventRow.of({**event, "captured_at": "2025-01-01", "path": str(path)})])
    writer.close()


def _keep_red_car(folder: Path) -> None:
    event = {"id": "red", "event": "zone_enter", "run": "x", "source_id": "street", "label": "car"}
    known = {"at": "2025-01-02T00:00:00.000000Z", "zone": "yard", "attributes": {"colour": "red"}}
    writer = RecordWriter(folder / "kept")
    writer.write([EventRow.of(event | known)])
    writer.close()


def found(run: Served, **asked: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = run.read(f"/records?{urlencode(asked)}")["rows"]
    return rows


def test_tracks_are_found_with_their_snapshots(run: Served) -> None:
    rows = found(run, event="track", camera="street", **{"class": "person"})
    assert len(rows) > 2
    assert {row["label"] for row in rows} == {"person"}
    image, headers = run.get(rows[0]["snapshot"])
    assert image[:2] == b"\xff\xd8"
    assert headers["content-type"] == "image/jpeg"
    assert found(run, event="track", zone="nowhere") == []
    assert found(run, event="track", to="2020-01-01T00:00:00Z") == []


def test_objects_are_found_by_their_attributes(run: Served) -> None:
    (row,) = found(run, attribute="colour=red")
    assert (row["id"], row["attributes"]) == ("red", {"colour": "red"})
    assert found(run, attribute="colour=blue") == []


@pytest.mark.parametrize("event_id", ["other-0", "other-1", "unknown"])
def test_no_other_file_of_the_machine_is_shown(run: Served, event_id: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        run.get(f"/api/v1/records/files/{event_id}")


@pytest.mark.parametrize(
    "asked", ["from=noon", "from=2026-01-01T10:00", "limit=0", "limit=9999", "attribute=red"]
)
def test_a_wrong_search_is_refused(run: Served, asked: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="422"):
        run.get(f"/api/v1/records?{asked}")


def test_a_search_on_the_page_shows_rows_and_opens_a_snapshot(
    browser: Browser, run: Served
) -> None:
    with opened(browser, run.url) as page:
        page.get_by_label("Class", exact=True).fill("person")
        page.get_by_label("Event", exact=True).fill("track, zone_enter")
        page.get_by_role("button", name="Search").click()
        page.locator("#search-rows tr").first.wait_for()
        assert "newest first" in page.locator("#search-status").inner_text()
        rows = page.locator("#search-rows tr")
        assert rows.count() == len(found(run, event="track"))
        assert "person#" in rows.first.inner_text()
        link = rows.first.get_by_role("link", name="snapshot")
        with page.context.expect_page() as shown:
            link.click()
        assert shown.value.evaluate("document.images[0].naturalWidth") > 0
        page.get_by_label("Class", exact=True).fill("")
        page.get_by_label("Attribute").fill("colour=red")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("cell", name="car red").wait_for()
        page.get_by_label("Zone or line").fill("nowhere")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("Nothing is found.").wait_for()


def test_a_graph_without_records_has_no_search(tmp_path: Path, browser: Browser) -> None:
    source = "synthetic:street?frames=5&hw=240x320"
    with served(tmp_path, "--source", source) as run, opened(browser, run.url) as page:
        page.get_by_role("heading", name="Stages").wait_for()
        assert not page.get_by_role("heading", name="Search").is_visible()
        with pytest.raises(urllib.error.HTTPError, match="400"):
            run.get("/api/v1/records")
