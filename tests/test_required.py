"""A test that lacks something is skipped, or fails where that is required."""

from __future__ import annotations

import pytest

from tests.required import skip_for_want_of


@pytest.mark.parametrize("required", ["", "data,redis", "rtsp2"])
def test_what_is_not_required_is_skipped(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv("STREAMDET_REQUIRE", required)

    with pytest.raises(pytest.skip.Exception, match="no server"):
        skip_for_want_of("rtsp", "no server")


def test_what_is_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_REQUIRE", "data,rtsp")

    with pytest.raises(pytest.fail.Exception, match="no server"):
        skip_for_want_of("rtsp", "no server")
