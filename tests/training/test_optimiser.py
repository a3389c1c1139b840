"""Learning rates and which weights decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from streamdet.errors import ConfigError
from streamdet.networks.backbones.architecture import FeatureMap
from streamdet.networks.backbones.backbone import Backbone
from streamdet.training.moving_average import MovingAverage
from streamdet.training.optimiser import clip, frozen_modules, make_optimiser, rate_share, set_rate
from streamdet.training.recipe import Optimiser, Schedule


class Small(nn.Module):
    """A backbone with a norm, and a head."""

    def __init__(self) -> None:
        super().__init__()
        layers = {"0": nn.Linear(2, 2), "1": nn.BatchNorm1d(2)}
        self.backbone = Backbone(layers, [FeatureMap("1", "1", 1, 2)])
        self.head = nn.Linear(2, 1)


def test_the_rate_rises_and_then_falls_by_half_a_cosine() -> None:
    schedule = Schedule(warmup_steps=4, last_rate=0.0)
    shares = [rate_share(step, 15, schedule) for step in range(15)]
    assert shares[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    # (1 + cos(pi * way)) / 2 at the way's start, its half and its end
    assert [shares[4], shares[9], shares[14]] == pytest.approx([1.0, 0.5, 0.0])


def test_a_short_training_warms_up_for_half_of_it_at_most() -> None:
    assert rate_share(1, 4, Schedule(warmup_steps=100)) == pytest.approx(2 / 3)
    assert rate_share(3, 4, Schedule(warmup_steps=100, last_rate=0.1)) == pytest.approx(0.1)


def test_norms_and_biases_do_not_decay_and_the_backbone_learns_slower() -> None:
    network = Small()
    optimiser = make_optimiser(network, Optimiser(backbone_rate=0.5, weight_decay=0.1))
    set_rate(optimiser, 0.2)
    groups = {
        id(parameter): (group["weight_decay"], group["lr"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    told = {name: groups[id(parameter)] for name, parameter in network.named_parameters()}
    assert told["backbone.0.weight"] == (0.1, 0.1)
    assert told["backbone.0.bias"] == told["backbone.1.weight"] == (0.0, 0.1)
    assert told["head.weight"] == (0.1, 0.2)


def test_what_is_frozen_is_not_optimised() -> None:
    network = Small()
    optimiser = make_optimiser(network, Optimiser(kind="sgd", frozen=("backbone",)))
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 2
    assert network.backbone in frozen_modules(network, ("backbone",))
    assert network.head not in frozen_modules(network, ("backbone",))


@pytest.mark.parametrize(
    ("frozen", "sentence"),
    [(("bckbone",), "no weights begin with 'bckbone'"), (("backbone", "head"), "nothing is left")],
)
def test_freezing_nothing_or_everything_is_refused(frozen: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make_optimiser(Small(), Optimiser(frozen=frozen))


def test_gradients_are_shortened_together() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.grad, layer.bias.grad = torch.tensor([[3.0, 0.0]]), torch.tensor([4.0])
    assert clip(layer, 1.0) == pytest.approx(5.0)
    torch.testing.assert_close(layer.weight.grad, torch.tensor([[0.6, 0.0]]), rtol=1e-5, atol=0)


def test_the_average_follows_slowly_and_at_first_faster() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = MovingAverage(network, decay=0.5)
    nn.init.ones_(network.weight)
    average.update(network, updates=0)  # keeps 1/10 of 0
    assert average.state_dict()["weight"].item() == pytest.approx(0.9)
    nn.init.zeros_(network.weight)
    average.update(network, updates=1000)  # keeps half
    assert average.state_dict()["weight"].item() == pytest.approx(0.45)
