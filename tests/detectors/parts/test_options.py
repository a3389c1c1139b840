"""What the user leaves open, the model's configuration decides."""

import pytest

from streamdet.detectors.parts import options as module
from streamdet.detectors.parts.options import NetworkOptions, check_options, choose_runtime
from streamdet.errors import ConfigError, EngineError
from streamdet.models.model_config import ModelConfig, RuntimeConfig, load_model_config
from streamdet.runtimes import RuntimeOptions


def model(**precisions: str) -> ModelConfig:
    runtimes = {
        kind: RuntimeConfig.model_validate({"precision": p}) for kind, p in precisions.items()
    }
    return load_model_config("yolox_nano").model_copy(update={"runtimes": runtimes})


def options(**stated: object) -> NetworkOptions:
    return NetworkOptions.model_validate({"model": "yolox_nano", **stated})


def test_auto_is_the_model_s_first_runtime() -> None:
    kind, chosen = choose_runtime(options(threads=2), model(openvino="auto", onnxruntime="fp32"))
    assert (kind, chosen) == ("openvino", RuntimeOptions(precision="auto", threads=2))


def test_auto_passes_over_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "openvino" else object())
    kind, chosen = choose_runtime(options(), model(openvino="auto", onnxruntime="fp32"))
    assert (kind, chosen.precision) == ("onnxruntime", "fp32")


def test_no_installed_runtime_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[openvino\]' or '\.\["):
        choose_runtime(options(), model(openvino="auto", onnxruntime="fp32"))


def test_a_stated_runtime_is_taken_even_if_the_model_does_not_name_it() -> None:
    kind, chosen = choose_runtime(options(runtime="onnxruntime"), model(openvino="bf16"))
    assert (kind, chosen.precision) == ("onnxruntime", "fp32")


def test_a_stated_precision_wins() -> None:
    assert choose_runtime(options(precision="fp32"), model(openvino="bf16"))[1].precision == "fp32"


def test_a_class_unlike_any_other_still_gets_one_that_exists() -> None:
    with pytest.raises(ConfigError, match="no class '1234', did you mean 'person'"):
        check_options(options(classes=("person", "1234")), model())
