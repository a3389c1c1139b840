"""Weights fit, or one sentence names the key that does not."""

import contextlib
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.networks.state_dict import assign_weights, read_weights

Weights = dict[str, Tensor]


def network(classes: int = 2) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 4, 1), bn=nn.BatchNorm2d(4), fc=nn.Linear(4, classes))
    )


def save_torch(weights: Weights, folder: Path) -> Path:
    torch.save(weights, folder / "weights.pth")
    return folder / "weights.pth"


def save_safetensors(weights: Weights, folder: Path) -> Path:
    save_file(weights, folder / "weights.safetensors")
    return folder / "weights.safetensors"


@pytest.mark.parametrize("save", [save_torch, save_safetensors])
def test_weights_come_back_from_either_kind_of_file(
    save: Callable[[Weights, Path], Path], tmp_path: Path
) -> None:
    trained, fresh = network(), network()
    assign_weights(fresh, read_weights(save(trained.state_dict(), tmp_path)), "some.pth")
    for name, weight in trained.state_dict().items():
        torch.testing.assert_close(fresh.state_dict()[name], weight, rtol=0, atol=0)


def refusal(weights: Weights, classes: int = 2) -> str:
    model = network(classes)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with pytest.raises(ConfigError) as caught:
        assign_weights(model, weights, "some.pth")
    for name, weight in model.state_dict().items():
        assert weight.equal(before[name])
    return str(caught.value)


def test_a_missing_key_is_named() -> None:
    weights = network().state_dict()
    del weights["conv.bias"], weights["fc.bias"]
    sentence = "some.pth: conv.bias (and 1 more) of the model is not among the weights"
    assert refusal(weights) == sentence


def test_an_unknown_key_is_named() -> None:
    weights = {**network().state_dict(), "aux1.fc.weight": torch.zeros(1)}
    assert refusal(weights) == "some.pth: the model has no aux1.fc.weight"


def test_another_shape_is_named_with_both() -> None:
    weights = {**network().state_dict(), "conv.weight": torch.zeros(4, 3, 5, 5)}
    shapes = "conv.weight has the shape (4, 3, 5, 5), the model wants (4, 3, 1, 1)"
    assert refusal(weights) == f"some.pth: {shapes}"


def test_another_number_of_classes_is_called_so() -> None:
    sentence = "some.pth: fc.weight has 91 classes, the model has 2"
    assert refusal(network(classes=91).state_dict()) == sentence


def test_another_number_of_anchors_is_called_so() -> None:
    head = nn.ModuleDict({"cls_logits": nn.Conv2d(4, 3, 1)})
    weights = {"cls_logits.weight": torch.zeros(15, 4, 1, 1), "cls_logits.bias": torch.zeros(15)}
    sentence = "a.pth: cls_logits.weight has 15 anchors a location, the model has 3"
    with pytest.raises(ConfigError, match=sentence):
        assign_weights(head, weights, "a.pth")


def test_a_tensor_of_whole_numbers_is_no_weight() -> None:
    weights = {**network().state_dict(), "conv.bias": torch.zeros(4, dtype=torch.int64)}
    sentence = "some.pth: conv.bias is torch.int64, the model's torch.float32"
    assert refusal(weights) == sentence


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(value: float) -> None:
    weights = {**network().state_dict(), "conv.bias": torch.tensor([0.0, 1.0, value, 0.0])}
    assert refusal(weights) == "some.pth: conv.bias holds values that are not finite"


def test_batch_counters_may_be_absent() -> None:
    weights = network().state_dict()
    del weights["bn.num_batches_tracked"]
    assign_weights(network(), weights, "old.pth")


def test_batch_counters_may_be_superfluous() -> None:
    weights = {**network().state_dict(), "fc.num_batches_tracked": torch.tensor(3)}
    assign_weights(network(), weights, "new.pth")


class RunsCode:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("owned",)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_pickle_with_code_is_refused_and_does_not_run(
    is_zip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    torch.save({"conv.weight": RunsCode()}, path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(
        ConfigError, match=r"wanted tensors only, got a pickle that calls \w+.mkdir"
    ):
        read_weights(path)
    assert not Path("owned").exists()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_plain_pickle_with_code_is_refused(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(RunsCode(), protocol))
    with pytest.raises(ConfigError, match=r"evil\.pkl"):
        read_weights(path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 0.99), save=st.sampled_from([save_torch, save_safetensors]))
def test_a_truncated_file_is_refused_whatever_is_left(
    share: float, save: Callable[[Weights, Path], Path], tmp_path: Path
) -> None:
    path = save(network().state_dict(), tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ConfigError, match="not a whole file of weights"):
        read_weights(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 0.999), byte=st.binary(min_size=1, max_size=1), is_zip=st.booleans())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(
    place: float, byte: bytes, is_zip: bool, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(network().state_dict(), path, _use_new_zipfile_serialization=is_zip)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = byte[0]
    path.write_bytes(content)
    with contextlib.suppress(ConfigError):
        assign_weights(network(), read_weights(path), "some.pth")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(junk=st.binary(max_size=60), name=st.sampled_from(["a.pth", "a.safetensors"]))
def test_a_file_of_anything_else_is_refused(junk: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(junk)
    with pytest.raises(ConfigError, match=re.escape(name)):
        read_weights(tmp_path / name)


def test_what_is_not_tensors_by_name_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(ConfigError, match=r"list.pth: wanted tensors by name, got a list"):
        read_weights(tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "checkpoint.pth")
    with pytest.raises(ConfigError, match=r"checkpoint.pth: epoch must be a tensor, got a int"):
        read_weights(tmp_path / "checkpoint.pth")


def test_a_training_checkpoint_is_told_from_its_state_dict(tmp_path: Path) -> None:
    torch.save({"model": network().state_dict(), "epoch": 3}, tmp_path / "checkpoint.pth")
    sentence = "checkpoint.pth: holds a dict under 'model': wanted the state dict itself"
    with pytest.raises(ConfigError, match=sentence):
        read_weights(tmp_path / "checkpoint.pth")


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pth", tmp_path):
        with pytest.raises(ConfigError, match="no such file of weights"):
            read_weights(path)
