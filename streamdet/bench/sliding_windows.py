"""OverFeat's windows one by one against all at once (Sermanet et al., 2014, section 3.5), in torch.

The shipped model with random weights; both ways give the same (networks/overfeat.py is tested so).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from streamdet.models.model_config import load_model_config
from streamdet.system.cores import cores

MODEL: Final = "overfeat_fast"
ROUNDS: Final = 2


class WindowSeconds(NamedTuple):
    """Seconds an image of the model's size."""

    dense: float
    efficient: float


def windows_s() -> WindowSeconds:
    """Time both ways in turn; the best round of each counts."""
    import torch

    from streamdet.building.build import make_network
    from streamdet.networks.overfeat import OverFeatNetwork, crop_outputs

    torch.set_num_threads(cores())
    model = load_model_config(MODEL)
    network = make_network(MODEL)
    assert isinstance(network, OverFeatNetwork)
    assert model.input is not None
    network.eval()
    image = torch.rand(1, 3, *model.input.hw)
    with torch.no_grad():
        dense, efficient = zip(
            *(
                (_seconds(lambda: crop_outputs(network, image)), _seconds(lambda: network(image)))
                for _ in range(ROUNDS)
            ),
            strict=True,
        )
    return WindowSeconds(min(dense), min(efficient))


def _seconds(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s
