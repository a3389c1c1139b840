"""Edits of zones in a graph's file are tried beside it, whoever else tries one."""

from __future__ import annotations

from pathlib import Path

from streamdet.graph import load_graph
from streamdet.run.change_plan import ChangePlan
from streamdet.run.control import RunControl
from streamdet.server.places import GraphText, set_place
from streamdet.transport.requests import ListeningRun
from tests.server.test_page import GRAPH

EDIT = set_place("lawn", {"polygon": [[0, 0], [1, 0], [1, 1]]})


class Planning(RunControl):
    """A run that, asked for a plan, first has another operator ask for one."""

    def __init__(self, text: GraphText, path: Path, others: int) -> None:
        super().__init__("redis://", ListeningRun("run", "yard"))
        self.graph_text, self.path, self.others = text, path, others
        self.read: list[str] = []

    def plan(self, graph: str | None = None) -> ChangePlan:
        assert graph is not None
        if self.others:
            self.others -= 1
            self.graph_text.plan(self, load_graph(self.path).nodes["zones"], EDIT)
        self.read.append(Path(graph).read_text())
        return ChangePlan((), ())


def test_two_who_look_at_a_plan_do_not_take_each_other_s_file(tmp_path: Path) -> None:
    path = tmp_path / "yard.yaml"
    path.write_text(GRAPH)
    control = Planning(GraphText(path), path, others=1)
    control.graph_text.plan(control, load_graph(path).nodes["zones"], EDIT)
    assert ["lawn" in text for text in control.read] == [True, True]
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_text() == GRAPH
