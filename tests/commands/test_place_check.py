"""What `check` says of zones in pixels."""

from __future__ import annotations

import pytest

from streamdet.cli import main

OUTSIDE = "zones.zones.pavement.polygon=[[0, 0], [{x}, 0], [100, 400]]"


def said(capsys: pytest.CaptureFixture[str], x: int) -> str:
    uri = "synthetic:street?hw=480x640&frames=2"
    assert main(["check", "zones", "--source", uri, "--set", OUTSIDE.format(x=x)]) == 0
    return capsys.readouterr().err


def test_a_zone_outside_the_image_is_told_with_the_image_s_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said(capsys, 700) == (
        "warning: zones.zones.pavement.polygon lies outside the image of street: [700, 0] in an"
        " image of 640x480 (width x height) pixels; fractions from 0 to 1 fit any\n"
    )
    assert said(capsys, 640) == ""
