"""Orders to a camera's worker, as they travel."""

from __future__ import annotations

import pytest

from streamdet.worker.camera_orders import CameraOrder, read_order


@pytest.mark.parametrize("order", [CameraOrder("pause", "two words"), CameraOrder("restart")])
def test_an_order_is_read_as_it_was_written(order: CameraOrder) -> None:
    assert read_order(str(order)) == order


def test_no_text_is_no_order() -> None:
    assert read_order("") is None


def test_an_unknown_order_is_an_error() -> None:
    with pytest.raises(ValueError, match="pause, remove, restart, got 'jump'"):
        read_order("jump")
