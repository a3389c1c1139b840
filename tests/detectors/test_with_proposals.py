"""SPP-net and Fast R-CNN as a worker runs them: what goes into the network, what comes out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from streamdet.detectors.with_proposals import WithProposals
from streamdet.errors import ConfigError
from streamdet.image import Pixels
from streamdet.kernels.launch import DeviceArray
from streamdet.models.model_config import load_model_config
from streamdet.runtimes import Tensors
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.transport.cuda_device import CudaDevice
from tests.detectors.scripted_runtime import ScriptedRuntime, empty_outputs
from tests.networks.region_networks import OPTIONS, PROPOSALS, write_model

IMAGE = np.zeros((64, 96, 3), np.uint8)


class Recorder(ScriptedRuntime):
    """Keeps what it was given."""

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        self.extras = extras
        return super().__call__(images, extras)


def made(tmp_path: Path, **options: Any) -> tuple[WithProposals, Recorder]:
    model = load_model_config(str(write_model("fast_rcnn", tmp_path)))
    runtime = Recorder(empty_outputs("fast_rcnn"))
    stated = WithProposals.Options(model="small_fast_rcnn", **options)
    return WithProposals(stated, model, runtime), runtime


def test_the_network_gets_as_many_proposals_as_it_was_built_for(tmp_path: Path) -> None:
    (tmp_path / "boxes.txt").write_text("1,-1,3,5,10,20,1\n")
    detector, runtime = made(tmp_path, proposals="file", proposals_from=str(tmp_path / "boxes.txt"))
    detector([IMAGE, IMAGE])
    assert runtime.extras is not None
    first, second = (extras["proposals"] for extras in runtime.extras)
    assert first.shape == (1, PROPOSALS, 4)
    assert first[0, :2].tolist() == [[2, 4, 12, 24], [0, 0, 0, 0]]
    assert not second.any()


def test_proposals_of_a_file_go_by_the_frame_not_by_what_came_before(tmp_path: Path) -> None:
    (tmp_path / "boxes.txt").write_text("1,-1,3,5,10,20,1\n4,-1,1,1,8,9,1\n")
    detector, runtime = made(tmp_path, proposals="file", proposals_from=str(tmp_path / "boxes.txt"))
    detector.detect_frames([IMAGE, IMAGE], [3, 0])
    assert runtime.extras is not None
    first, second = (extras["proposals"] for extras in runtime.extras)
    assert first[0, 0].tolist() == [0, 0, 8, 9]
    assert second[0, 0].tolist() == [2, 4, 12, 24]


class OnGpu:
    """A network on the GPU that finds nothing; see gpu.GpuNetwork."""

    name = "nothing"

    def __init__(self, gpu: CudaDevice, hw: tuple[int, int]) -> None:
        shapes = {"image": (1, 3, *hw), "proposals": (1, PROPOSALS, 4)}
        self.inputs: Mapping[str, DeviceArray] = {
            name: gpu.array(shape, np.float32) for name, shape in shapes.items()
        }
        self.outputs: Mapping[str, DeviceArray] = {
            name: gpu.array(value.shape, value.dtype)
            for name, value in empty_outputs("fast_rcnn").items()
        }
        for array in self.outputs.values():
            gpu.upload(lambda room: room.fill(0), array)

    def run(self) -> None:
        """Find nothing."""


def test_an_image_on_a_gpu_stays_there_and_its_proposals_go_there(
    tmp_path: Path, emulated_gpu: CudaDevice
) -> None:
    model = load_model_config(str(write_model("fast_rcnn", tmp_path)))
    assert model.input is not None
    network = OnGpu(emulated_gpu, model.input.hw)
    runtime = GpuRuntime(network, emulated_gpu, model.input)
    detector = WithProposals(WithProposals.Options(model="small_fast_rcnn"), model, runtime)
    image: Any = emulated_gpu.private((*model.input.hw, 3), np.dtype(np.uint8))
    emulated_gpu.upload(lambda room: room.fill(9), image)
    assert [len(found) for found in detector([image])] == [0]
    assert emulated_gpu.download(network.inputs["image"]).mean() == (9 - 128) / 64
    proposals = emulated_gpu.download(network.inputs["proposals"])
    assert (proposals[0, :, 2:] > proposals[0, :, :2]).all()  # sliding boxes


def test_what_proposes_is_part_of_its_name(tmp_path: Path) -> None:
    detector, _ = made(tmp_path)
    assert detector.runtime_name == "scripted, proposals: sliding boxes of 12 shapes"


@pytest.mark.parametrize("number", [None, 0, "many"])
def test_a_model_must_say_how_many_proposals_it_takes(tmp_path: Path, number: object) -> None:
    network = OPTIONS["fast_rcnn"] | {"proposals": number}
    model = load_model_config(str(write_model("fast_rcnn", tmp_path, network=network)))
    with pytest.raises(ConfigError, match=r"network.proposals must be a whole number from 1, got"):
        WithProposals(WithProposals.Options(model="any"), model, ScriptedRuntime({}))


@pytest.mark.parametrize(
    "wrong", [{"proposals": "rpn"}, {"proposals": "file"}, {"proposals_from": "rpn_resnet18"}]
)
def test_what_proposes_and_where_from_go_together(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="proposals_from must name the model of rpn or"):
        WithProposals.Options.model_validate({"model": "any"} | wrong)


def test_selective_search_proposes_where_it_is_asked_for(tmp_path: Path) -> None:
    detector, runtime = made(tmp_path, proposals="selective_search")
    image = IMAGE.copy()
    image[10:40, 20:60] = 255
    detector([image])
    assert runtime.extras is not None
    assert runtime.extras[0]["proposals"].any()
    assert "selective search (fast)" in detector.runtime_name


def test_another_suppression_than_the_built_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"iou_thresh 0.5 is built into the network"):
        made(tmp_path, iou_thresh=0.4)
