"""What errors say that several places share."""

from __future__ import annotations

from streamdet.errors import to_install


def test_an_extra_is_installed_from_the_checkout_as_the_project_is_on_no_index() -> None:
    assert to_install("networks") == "pip install -e '.[networks]' in streamdet's checkout"


def test_one_of_several_extras_is_enough() -> None:
    assert to_install("openvino", "onnxruntime") == (
        "pip install -e '.[openvino]' or '.[onnxruntime]' in streamdet's checkout"
    )
