"""The web page in a real browser (Debian's chromium, driven by Playwright)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from streamdet.run.control import find_run
from tests.cameras.rtsp_server import RtspServer
from tests.required import skip_for_want_of
from tests.server.served import SOURCE, Served, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_MS = 30_000
TOKEN = "a viewer's token"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; skips (fails in CI) where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        skip_for_want_of("browser", "no chromium: sudo apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("page"), "--source", SOURCE) as running:
        running.wait_for_frames(1)
        yield running


@contextmanager
def opened(browser: Browser, url: str, width: int = 1280) -> Iterator[Page]:
    """The page, which must not complain on its console."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(WAIT_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.goto(f"{url}/")
    yield page
    page.close()
    assert complaints == []


def wait_until(page: Page, condition: str) -> None:
    """Wait until JavaScript is true; the page's own policy forbids `page.wait_for_function`."""
    deadline_s = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < deadline_s, condition
        page.wait_for_timeout(100)


def test_a_tile_shows_one_image_after_another(browser: Browser, run: Served) -> None:
    with opened(browser, run.url) as page:
        wait_until(page, "document.querySelector('.tile img')?.naturalWidth > 0")
        first = page.get_attribute(".tile img", "src")
        wait_until(page, f"document.querySelector('.tile img').src !== '{first}'")
        page.get_by_text("frames/s").first.wait_for()
        assert page.get_by_role("heading", name="people").is_visible()
        assert page.locator(".tile .state").inner_text() == "running"


def test_the_stages_and_the_graph_are_there(browser: Browser, run: Served) -> None:
    with opened(browser, run.url) as page:
        page.get_by_role("rowheader", name="detect").wait_for()
        rows = page.locator("#stage-rows th").all_inner_texts()
        assert rows == ["camera", "prepare", "detect", "track", "publish"]
        wait_until(page, "document.getElementById('graph-image').naturalWidth > 0")


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, run: Served) -> None:
    with opened(browser, run.url, width=360) as page:
        page.locator(".tile").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_browser_signs_in_with_a_token(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environ = {"STREAMDET_VIEWER_TOKEN": TOKEN}
    folder = tmp_path_factory.mktemp("tokens")
    with served(folder, "--source", SOURCE, environ=environ) as run:
        page = browser.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{run.url}/")
        page.get_by_label("Token").fill("x" * 12)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("That is not a token of this server.").wait_for()
        assert not page.locator("#main").is_visible()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.locator(".tile").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()
        page.close()


def test_an_operator_adds_and_removes_a_camera(
    browser: Browser, cameras: RtspServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("operator")
    with served(folder, "--source", cameras.url("/door")) as run, opened(browser, run.url) as page:
        page.locator(".tile", has_text="door").get_by_text("live").wait_for()
        page.get_by_role("button", name="Add a camera").click()
        page.locator("#add-name").fill("yard")
        page.get_by_label("Address").fill(cameras.url("/yard", "viewer", "canary-4711"))
        page.get_by_role("button", name="Add", exact=True).click()
        yard = page.locator(".tile", has_text="yard")
        yard.get_by_text("live").wait_for()
        page.get_by_text("yard is live").wait_for()
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Remove yard").click()
        yard.wait_for(state="detached")
        assert "canary-4711" not in page.content()


GRAPH = """version: 1
nodes:
  camera: {kind: source, uri: "synthetic:street", process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: people, classes: [person]}
  track: {kind: byte_track, reads: detect, process: back}
  zones:
    kind: zones
    reads: track
    process: back
    zones:  # drawn by hand
      corner: {polygon: [[0, 0], [0.1, 0], [0.1, 0.1]]}
  publish: {kind: redis_stream, reads: zones, process: back, stream: detections}
"""


def test_a_zone_is_drawn_by_mouse_and_applied(
    browser: Browser, cameras: RtspServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("zone")
    graph = folder / "yard.yaml"
    graph.write_text(GRAPH)
    arguments = ("--source", cameras.url("/door"))
    with served(folder, *arguments, graph=str(graph)) as run, opened(browser, run.url) as page:
        page.locator(".tile", has_text="door").get_by_text("live").wait_for()
        wait_until(page, "document.querySelector('.tile img').naturalWidth > 0")
        page.get_by_role("button", name="Zones").click()
        wait_until(page, "document.querySelector('#draw-image img').naturalWidth > 0")
        box = page.locator("#draw-image").bounding_box()
        assert box is not None
        for x, y in ((0.25, 0.5), (0.75, 0.5), (0.75, 0.9)):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.locator("#draw-name").fill("lawn")
        page.get_by_role("button", name="Plan").click()
        page.get_by_text("process back: restarted (zones.zones.lawn is new)").wait_for()
        assert graph.read_text() == GRAPH
        page.get_by_role("button", name="Apply").click()
        page.get_by_text("Applied").wait_for()
        page.get_by_role("button", name="Close").click()
        page.locator(".tile .place-name", has_text="lawn").wait_for()
    text = graph.read_text()
    assert "# drawn by hand" in text
    lawn = yaml.safe_load(text)["nodes"]["zones"]["zones"]["lawn"]["polygon"]
    assert np.allclose(lawn, [[0.25, 0.5], [0.75, 0.5], [0.75, 0.9]], atol=0.01)


def test_a_graph_that_is_applied_from_elsewhere_is_shown_and_edited(
    browser: Browser, cameras: RtspServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "garden.yaml").write_text(GRAPH)
    other = folder / "other.yaml"
    other.write_text(GRAPH.replace("corner:", "porch:"))
    arguments = ("--source", cameras.url("/door"))
    graph = str(folder / "garden.yaml")
    with served(folder, *arguments, graph=graph) as run, opened(browser, run.url) as page:
        page.locator(".tile", has_text="door").get_by_text("live").wait_for()
        find_run("garden").apply(str(other))
        page.locator(".tile .place-name", has_text="porch").wait_for()
        page.evaluate(
            "import('/page/api.js').then(({ask}) => ask('/api/v1/places/zones/step?apply=true',"
            " {method: 'PUT', body: '{\"points\": [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]}'}))"
        )
        page.locator(".tile .place-name", has_text="step").wait_for()
    assert [*yaml.safe_load(other.read_text())["nodes"]["zones"]["zones"]] == ["porch", "step"]
    assert (folder / "garden.yaml").read_text() == GRAPH


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (
            {"event": "camera", "source_id": "door", "state": "lost", "reason": "it ended"},
            "door is lost: it ended",
        ),
        (
            {"event": "zone_exit", "source_id": "door", "zone": "yard", "label": "person"}
            | {"track": 7, "counts": {"inside": 1}, "reason": "left"},
            "door: person #7 zone exit yard (inside 1) left",
        ),
        (
            {"event": "clip", "source_id": "door", "path": "/clips/a.mp4"}
            | {"objects": [{"label": "person", "track": 3}, {"label": "dog", "track": None}]},
            "door: person #3, dog clip /clips/a.mp4",
        ),
        (
            {"event": "recording", "node": "record", "state": "stopped", "reason": "/clips: full"},
            "record: recording stopped /clips: full",
        ),
    ],
)
def test_an_event_is_a_line(
    browser: Browser, run: Served, event: dict[str, Any], sentence: str
) -> None:
    with opened(browser, run.url) as page:
        script = "async (event) => (await import('/page/events.js')).describe(event)"
        assert page.evaluate(script, event) == sentence
