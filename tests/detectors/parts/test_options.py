"""What only the model's configuration can tell is checked."""

import pytest

from streamdet.detectors.parts.options import NetworkOptions, check_options
from streamdet.errors import ConfigError
from streamdet.models.model_config import load_model_config


def test_for_a_class_unlike_any_other_the_classes_that_exist_are_named() -> None:
    options = NetworkOptions(model="yolox_nano", classes=("person", "1234"))
    with pytest.raises(ConfigError, match=r"no class '1234'; it has person, .*\.\.\.$"):
        check_options(options, load_model_config("yolox_nano"))
