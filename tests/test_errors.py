"""What errors say that several places share."""

from __future__ import annotations

import re
from pathlib import Path

from streamdet.errors import to_install

ROOT = Path(__file__).parents[1]


def test_an_extra_is_installed_from_the_checkout_as_the_project_is_on_no_index() -> None:
    assert to_install("networks") == "pip install -e '.[networks]' in streamdet's checkout"


def test_one_of_several_extras_is_enough() -> None:
    assert to_install("openvino", "onnxruntime") == (
        "pip install -e '.[openvino]' or '.[onnxruntime]' in streamdet's checkout"
    )


def test_nothing_tells_a_user_to_install_a_strangers_package() -> None:
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("streamdet/**/*.py")]
    by_name = re.compile(r"pip install ['\"]?streamdet\b")
    found = [path.name for path in paths if by_name.search(path.read_text())]
    assert found == []
