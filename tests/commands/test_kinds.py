"""`streamdet kinds` tells what every node may say."""

from __future__ import annotations

import re
import sys

import pytest
from pydantic import BaseModel

from streamdet.cli import main
from streamdet.graph.draft import ROLES
from streamdet.registry import FITTINGS, KINDS, NETWORKS, load, load_fit_recipe, load_network
from streamdet.training.recipe import Recipe

KINDS_OF_NODES = [(role, kind) for role in ROLES for kind in KINDS[role]]


def test_all_kinds_are_listed_with_what_every_node_may_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinds"]) == 0
    printed = capsys.readouterr().out
    assert "tracker    sort, byte_track, oc_sort, bot_sort\n" in printed
    assert "  batch = 8\n      Most frames read at once" in printed
    assert "auto is one for each core. A number, or auto.\n" in printed


def test_a_height_and_width_is_not_called_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "yolox"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "suits the source's resolution and the `budget`. budget = " in told


@pytest.mark.parametrize(("role", "kind"), KINDS_OF_NODES)
def test_every_option_of_a_kind_is_told(
    role: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kinds", kind]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    networks = [*load_network(kind).Options.model_fields] if kind in NETWORKS else []
    assert head.startswith(f"{kind} ({role}): ")
    assert [name for name in names if "." not in name] == [
        *load(role, kind).Options.model_fields,
        *networks,
    ]


def test_kinds_that_share_a_class_are_told_apart_by_their_papers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinds", "detector"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    papers = dict(lines)
    assert (
        papers["mask_rcnn"]
        == 'Mask R-CNN: He, Gkioxari, Dollar, Girshick, "Mask R-CNN", ICCV 2017.'
    )
    assert papers["nanodet"].startswith('NanoDet: Li et al., "Generalized Focal Loss", ')
    assert papers["picodet"].startswith('PicoDet: Yu et al., "PP-PicoDet: ')
    assert len({*papers.values()}) == len(papers) == len(KINDS["detector"])


def test_the_options_of_a_network_and_of_its_parts_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["kinds", "faster_rcnn"])
    node, _, network = capsys.readouterr().out.partition("of its network")
    assert "  score_thresh\n" in node
    assert '  pooling = "align"\n' in network
    assert "  rpn.after_nms = 300\n" in network


def test_without_torch_it_says_how_the_options_of_a_network_can_be_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["kinds", "rpn"]) == 0
    assert capsys.readouterr().out.endswith(
        "pip install -e '.[networks]' in streamdet's checkout\n"
    )


def test_an_option_is_told_with_default_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    main(["kinds", "yolox"])
    assert '  runtime = "auto"\n' in (printed := capsys.readouterr().out)
    assert "One of: auto, onnxruntime, openvino, tensorrt, torch." in " ".join(printed.split())
    assert "  model (needed)\n" in printed


def test_a_role_lists_its_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "sink"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(KINDS["sink"])


def test_options_of_named_things_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "zones"]) == 0
    assert "  zones.NAME.polygon (needed)\n" in capsys.readouterr().out


def told(capsys: pytest.CaptureFixture[str], section: str) -> str:
    assert main(["kinds", "recipe"]) == 0
    _, _, after = capsys.readouterr().out.partition(f"{section}\n")
    return re.split(r"\n(?=recipe)", after)[0]


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("recipe: training by steps", Recipe),
        *((f"recipe with `fit: {kind}`", load_fit_recipe(kind)) for kind in FITTINGS),
    ],
)
def test_every_key_of_a_recipe_is_told(
    section: str, model: type[BaseModel], capsys: pytest.CaptureFixture[str]
) -> None:
    names = re.findall(r"^  (\S+)", told(capsys, section), re.MULTILINE)
    assert [name for name in names if "." not in name] == [*model.model_fields]


def test_keys_below_others_are_told_with_their_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = told(capsys, "recipe: training by steps")
    for line in (
        "name",  # the file's
        "data.train[].truth (needed)",
        "data.train[].repeat = 1",
        "data.validation[].held_out = 0.0",
        "augmentation",
        "augmentation.flip = 0.5",
    ):
        assert f"  {line}\n" in printed


def test_an_unknown_kind_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds", "byte_trak"]) == 2
    assert capsys.readouterr().err == (
        "error: 'byte_trak' is no kind of node; did you mean 'byte_track'?\n"
    )


def test_thresholds_of_trackers_are_told_with_what_holds_where_nobody_states_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinds", "bot_sort"]) == 0
    assert "  high_thresh = the model's, else 0.6, of a file of detections 0.85\n" in (
        capsys.readouterr().out
    )
    assert main(["kinds", "byte_track"]) == 0
    assert "  new_thresh = the model's, else 0.7\n" in capsys.readouterr().out
