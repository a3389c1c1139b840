from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from streamdet.config.suggestions import closest, nearest
from streamdet.config.validation import checked, dotted
from streamdet.config.yaml_loader import parse_yaml
from streamdet.errors import ConfigError
from streamdet.sources.sampling import SamplingOptions


def refuse(value: str) -> str:
    raise ValueError(f"must be better than {value!r}")


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: int = 1


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    count: int = Field(1, ge=0, le=9)
    share: float = Field(0.5, gt=0, lt=1)
    text: str = Field("", max_length=9)
    flag: bool = False
    pair: tuple[int, int] = (1, 2)
    names: tuple[str, ...] = ()
    colour: Literal["bgr", "rgb"] = "bgr"
    replicas: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    reads: str | list[str] = ""
    inner: Inner = Inner()
    day: date = date(2026, 1, 1)
    picky: Annotated[str, AfterValidator(refuse)] = ""


def check(text: str, environ: dict[str, str] | None = None) -> Model:
    parsed = parse_yaml(text, "f.yaml", environ)
    return checked(Model, parsed, (), parsed.values, also=["process"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("count: x", "count must be a whole number, got 'x'"),
        ("count: '4'", "count must be a whole number, got '4'"),
        ("count: true", "count must be a whole number, got true"),
        ("count: 1.5", "count must be a whole number, got 1.5"),
        ("count: -1", "count must be at least 0, got -1"),
        ("count: 10", "count must be at most 9, got 10"),
        ("share: 1", "share must be less than 1, got 1"),
        ("share: 0", "share must be more than 0, got 0"),
        ("share: 1e999", "share must be a finite number, got .inf"),
        ("text: [a]", "text must be text, got [a]"),
        ("text: abcdefghij", "text must be at most 9 characters, got 'abcdefghij'"),
        ("flag: yes", "flag must be true or false, got 'yes'"),
        ("pair: [1]", "pair.1 is missing"),
        ("pair: [1, 2, 3]", "pair must be a list of at most 2, got [1, 2, 3]"),
        ("pair: 5", "pair must be a list, got 5"),
        ("names: person", "names must be a list (for example [person]), got 'person'"),
        ("pair: 480,640", "pair must be a list (for example [480, 640]), got '480,640'"),
        ("colour: rbg", "colour must be 'bgr' or 'rgb' (perhaps 'rgb'), got 'rbg'"),
        ("colour: 5", "colour must be 'bgr' or 'rgb', got 5"),
        ("replicas: all", "replicas must be a whole number or 'auto', got 'all'"),
        ("reads: {a: b}", "reads must be text or a list, got {a: b}"),
        ("reads: [[a]]", "reads.0 must be text, got [a]"),
        ("inner: 5", "inner must be keys and values, got 5"),
        ("inner: {dept: 5}", "inner.dept is an unknown key; did you mean 'depth'?"),
        (
            "day: x",
            "day must be valid (input should be a valid date in the format YYYY-MM-DD, "
            "input is too short), got 'x'",
        ),
        ("picky: a", "picky must be better than 'a'"),
        ("cuont: 5", "cuont is an unknown key; did you mean 'count'?"),
        ("proces: 5", "proces is an unknown key; did you mean 'process'?"),
    ],
)
def test_a_fault_is_one_sentence_with_place_key_and_what_was_wanted(
    text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(text)
    assert str(caught.value) == f"f.yaml:1: {sentence}"


def test_every_fault_has_a_line_of_its_own() -> None:
    with pytest.raises(ConfigError) as caught:
        check("count: x\nshare: 2")
    assert [line[:8] for line in str(caught.value).splitlines()] == ["f.yaml:1", "f.yaml:2"]


def test_one_typo_is_one_error() -> None:
    class Needing(BaseModel):
        model_config = ConfigDict(extra="forbid")
        path: str
        other: str

    parsed = parse_yaml("pth: x", "f.yaml")
    with pytest.raises(ConfigError) as caught:
        checked(Needing, parsed, (), parsed.values)
    assert str(caught.value).splitlines() == [
        "f.yaml:1: other is missing",
        "f.yaml:1: pth is an unknown key; did you mean 'path'?",
    ]


def test_numbers_count_as_text_where_text_is_wanted() -> None:
    model = check("{text: 0x1F, names: [2026, 1.50], colour: bgr}")
    assert model.text == "0x1F"
    assert model.names == ("2026", "1.50")


def test_right_values_arrive_with_their_types() -> None:
    model = check("{count: 3, share: 0.25, pair: [3, 4], replicas: auto, inner: {depth: 2}}")
    assert (model.count, model.share, model.pair, model.replicas) == (3, 0.25, (3, 4), "auto")
    assert model.inner == Inner(depth=2)


def test_no_sentence_quotes_a_secret_of_the_environment() -> None:
    for text in ("count: '${TOKEN}'", "picky: '${TOKEN}'", "text: 'long ${TOKEN}'"):
        with pytest.raises(ConfigError) as caught:
            check(text, {"TOKEN": "pa55word"})
        assert "${TOKEN}" in str(caught.value)
        assert "pa55word" not in str(caught.value)


def test_nearest_names_the_closest_or_all() -> None:
    assert nearest("detec", ["track", "detect"]) == "did you mean 'detect'?"
    assert nearest("OpenVINO", ["onnxruntime", "openvino"]) == "did you mean 'openvino'?"
    assert nearest("xyz", ["track", "detect"]) == "there is detect, track"
    assert nearest("xyz", []) == "there is none"


def test_dotted_leaves_out_the_level_of_nodes() -> None:
    assert dotted(("nodes", "detect", "classes", 0)) == "detect.classes.0"
    assert dotted(("nodes",)) == "nodes"
    assert dotted(()) == "the file"


def test_a_rule_about_several_keys_is_told_of_what_they_belong_to() -> None:
    values = {"every": 2, "fps": 2.0}
    text = parse_yaml("nodes: {camera: {every: 2, fps: 2.0}}", "f.yaml")
    with pytest.raises(ConfigError, match=r"f\.yaml:1: camera wanted every or fps, got both"):
        checked(SamplingOptions, text, ("nodes", "camera"), values)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("peple", "people"), ("yolox_nan", "yolox_nano"), ("detct", "detect"), ("yolov8n", None)],
)
def test_only_a_slip_of_the_keyboard_gets_a_suggestion(typed: str, meant: str | None) -> None:
    known = ["people", "yolo_v1", "yolox_nano", "detect", "street"]
    assert closest(typed, known) == meant
