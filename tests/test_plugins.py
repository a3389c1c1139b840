"""Kinds of other packages: found by name, imported when used, broken or doubled ones named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet import plugins, registry
from streamdet.commands.machine_checks import findings
from streamdet.config.deploy import load_settings
from streamdet.config.files import shipped
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import candidates
from streamdet.errors import ConfigError, EngineError
from streamdet.models.model_config import ImageInput, ModelConfig, load_model_config
from streamdet.runtimes import RuntimeOptions, Tensors


def _forget() -> None:
    plugins.found.cache_clear()
    plugins._entry_points.cache_clear()


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    info = tmp_path / "example-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: example\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[streamdet.sinks]\nposts = streamdet.sinks.csv:CsvSink\n"
        "broken = no_such_module:Sink\njsonl = fractions:Fraction\n"
        "[streamdet.runtimes]\nlent = tests.test_plugins:Lent\nsort = tests.test_plugins:Lent\n"
        "gone = no_such_module:Runtime\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    yield
    _forget()


def test_a_plugin_is_a_kind_of_its_role() -> None:
    assert registry.role_of("posts") == "sink"
    assert "posts" in registry.names("sink")
    assert registry.load("sink", "posts").__name__ == "CsvSink"


def test_a_broken_plugin_is_named_with_its_package() -> None:
    with pytest.raises(ConfigError, match=r"broken = no_such_module:Sink.*'example'.*No module"):
        registry.load("sink", "broken")


def test_a_name_of_two_packages_is_refused() -> None:
    with pytest.raises(ConfigError, match="'jsonl' is in several packages: streamdet, example"):
        registry.role_of("jsonl")


class Lent:
    """A runtime of a plugin whose package is not installed here."""

    package = "no_such_package.inside"
    name = "lent"

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Load nothing."""

    def __call__(self, images: object, extras: object = None) -> list[Tensors]:
        """Find nothing."""
        return []

    @staticmethod
    def precisions() -> tuple[str, ...]:
        return ("fp32",)


def own_model(folder: Path, runtimes: str) -> ModelConfig:
    text = (shipped("configs/models") / "people.yaml").read_text().partition("runtimes:")[0]
    path = folder / "own.yaml"
    path.write_text(f"{text}runtimes: {runtimes}\n")
    return load_model_config(str(path))


def test_a_model_may_name_a_runtime_of_a_plugin(tmp_path: Path) -> None:
    model = own_model(tmp_path, "{lent: {}, onnxruntime: {}}")
    [only] = candidates(NetworkOptions(model="own"), model)
    assert str(only) == "onnxruntime fp32"
    [stated] = candidates(NetworkOptions(model="own", runtime="lent"), model)
    assert str(stated) == "lent fp32"


def test_a_plugin_s_package_that_is_missing_is_named(tmp_path: Path) -> None:
    model = own_model(tmp_path, "{lent: {}}")
    with pytest.raises(EngineError, match=r"is installed: pip install no_such_package\.inside$"):
        candidates(NetworkOptions(model="own"), model)


@pytest.mark.parametrize(
    ("runtime", "sentence"),
    [
        (
            "lnet",
            "runtimes.lnet must be onnxruntime or openvino or tensorrt or torch or gone or lent or"
            " sort (",
        ),
        ("sort", "runtimes.sort cannot be 'sort': kind 'sort' is in several packages: streamdet"),
    ],
)
def test_a_runtime_that_is_unknown_or_there_twice_is_refused(
    tmp_path: Path, runtime: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        own_model(tmp_path, f"{{{runtime}: {{}}}}")
    assert sentence in str(refused.value)


def test_a_runtime_that_cannot_be_imported_is_named_where_a_model_wants_it(tmp_path: Path) -> None:
    model = own_model(tmp_path, "{gone: {}, onnxruntime: {}}")
    with pytest.raises(ConfigError, match=r"gone = no_such_module:Runtime.*'example'"):
        candidates(NetworkOptions(model="own"), model)


def test_the_list_of_a_runtime_that_a_graph_may_name_has_those_of_plugins() -> None:
    runtime = NetworkOptions.model_json_schema()["properties"]["runtime"]
    own = ["auto", "onnxruntime", "openvino", "tensorrt", "torch"]
    assert runtime["enum"] == [*own, "gone", "lent", "sort"]


def test_the_doctor_names_each_runtime_and_what_is_wrong_with_it() -> None:
    found = {one.topic: one for one in findings(load_settings(redis="embedded"))}
    assert (found["lent"].state, found["lent"].remedy) == (
        "missing",
        "pip install no_such_package.inside",
    )
    assert found["gone"].state == "warning"
    assert "no_such_module" in found["gone"].text
