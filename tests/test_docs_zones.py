"""The YAML and the programs of docs/zones.md do what the page says."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamdet.config.files import find_own_or_shipped
from streamdet.graph import load_graph
from tests.faults.storm import lines_of, output_of, streamdet

PAGE = (Path(__file__).parents[1] / "docs" / "zones.md").read_text()
HOURS, ALERTS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
NODES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
ENVIRONMENT = {
    "ALERT_URL": "https://example.org/",
    "ALERT_SECRET": "s",
    "MQTT_USER": "u",
    "MQTT_PASSWORD": "p",
    "KAFKA_PASSWORD": "p",
}


def shipped() -> dict[str, dict[str, Any]]:
    """The nodes of the graph that comes with streamdet, up to its zone, which is called yard."""
    text = find_own_or_shipped(Path("zones"), "pipelines", "graph").read_text()
    nodes: dict[str, dict[str, Any]] = yaml.safe_load(text)["nodes"]
    (zone,) = nodes["zones"]["zones"].values()
    nodes["zones"]["zones"] = {"yard": zone}
    return {name: nodes[name] for name in ("camera", "prepare", "detect", "track", "zones")}


@pytest.mark.parametrize("text", NODES, ids=lambda text: str(next(iter(yaml.safe_load(text)))))
def test_each_node_of_the_page_is_valid(text: str, tmp_path: Path) -> None:
    nodes = yaml.safe_load(text)
    ends = {
        f"end-{name}": {"kind": "redis_stream", "reads": name, "stream": name}
        for name, node in {**shipped(), **nodes}.items()
        if node["kind"] in ("zones", "lines", "presence", "speed")
    }
    if "zones" in nodes:  # a zone of the page is that of a camera
        nodes["zones"]["zones"]["gate"]["source"] = "street"
    path = tmp_path / "graph.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "nodes": {**shipped(), **nodes, **ends}}))
    assert set(nodes) <= set(load_graph(path, environ=ENVIRONMENT).nodes)


def test_people_are_counted_by_the_hour(tmp_path: Path) -> None:
    events = [
        *(("10:59:59", "in"), ("11:00:00", "in"), ("11:30:00", "out"), ("11:59:59", "in")),
    ]
    lines = [
        json.dumps({"event": "line_crossed", "at": f"2026-11-29T{at}.000000Z", "direction": way})
        for at, way in events
    ]
    lines.append(json.dumps({"event": "zone_enter", "at": "2026-11-29T12:00:00.000000Z"}))
    (tmp_path / "zones.events.jsonl").write_text("\n".join(lines))
    subprocess.run([sys.executable, "-c", HOURS], cwd=tmp_path, check=True)
    assert (tmp_path / "people.csv").read_text().splitlines() == [
        "hour,in,out",
        "2026-11-29T10:00Z,1,0",
        "2026-11-29T11:00Z,2,1",
    ]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@pytest.mark.timeout(180)
def test_a_program_is_told_by_a_webhook_who_dwells(tmp_path: Path) -> None:
    port = free_port()
    nodes = shipped()
    nodes["camera"]["uri"] = "synthetic:street?frames=120&hw=240x320"
    nodes["prepare"]["shortest_edge"] = 240
    nodes["detect"] |= {"model": "hog_people", "score_thresh": 0.05, "replicas": 1}
    whole = {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "dwell_s": 1}
    nodes["zones"]["zones"] = {"yard": whole}
    (alert,) = (yaml.safe_load(text)["alert"] for text in NODES if "webhook" in text)
    local = {"url": f"http://127.0.0.1:{port}/", "allow_private": True}
    nodes["alert"] = alert | local | {"queue": str(tmp_path / "alerts.db")}
    graph = tmp_path / "graph.yaml"
    graph.write_text(yaml.safe_dump({"version": 1, "nodes": nodes}))
    code = ALERTS.replace("8000", str(port))
    env = {"ALERT_SECRET": "a secret"}
    told, out = tmp_path / "told.txt", tmp_path / "out.events.jsonl"
    with told.open("w") as file:
        command = [sys.executable, "-u", "-c", code]
        with subprocess.Popen(command, stdout=file, env=os.environ | env) as program:
            with streamdet("run", str(graph), "--output", str(out), env=env) as process:
                text = output_of(process, 120)
            program.kill()
    assert process.returncode == 0, text
    dwelt = [event for event in lines_of(out) if event["event"] == "zone_dwell"]
    assert len(dwelt) > 0
    assert told.read_text().splitlines() == [
        f"person {event['track']} is in yard for {event['dwell_s']} s" for event in dwelt
    ]
