"""R-CNN as a worker runs it: regions are warped, looked at one by one, and suppressed."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detectors.rcnn import Rcnn, warped
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.runtimes import ImageInput, Tensors
from tests.networks.region_networks import write_model

INPUT = ImageInput(name="image", hw=(40, 20), colour="rgb", mean=(10, 20, 30))


def box(*edges: float) -> npt.NDArray[np.float32]:
    return np.array(edges, dtype=np.float32)


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_region_of_the_network_s_size_is_cut_out_as_it_is() -> None:
    image = noise(60, 50)
    crop = warped(image, box(7, 11, 27, 51), INPUT, context=0)
    np.testing.assert_array_equal(crop, image[11:51, 7:27])


def test_both_sides_are_stretched_each_by_its_own_factor() -> None:
    image = noise(20, 40)
    crop = warped(image, box(0, 0, 40, 20), INPUT, context=0)
    wanted = cv2.resize(image, (20, 40), interpolation=cv2.INTER_LINEAR)
    inner = np.s_[1:-1]  # a resize repeats the border's pixels, a warp mixes the mean in
    np.testing.assert_allclose(crop[inner].astype(int), wanted[inner].astype(int), atol=3)


def test_context_is_so_many_pixels_of_the_crop() -> None:
    image = noise(60, 50)
    crop = warped(image, box(10, 10, 22, 42), INPUT, context=4)  # 12 x 32 of 20 x 40
    np.testing.assert_array_equal(crop, image[6:46, 6:26])


def test_the_mean_colour_stands_outside_the_image() -> None:
    image = noise(60, 50)
    crop = warped(image, box(0, 0, 12, 32), INPUT, context=4)
    assert (crop[:4] == (30, 20, 10)).all()  # the mean is red, green, blue
    assert (crop[:, :4] == (30, 20, 10)).all()
    np.testing.assert_array_equal(crop[4:, 4:], image[:36, :16])


class BrightRegions:
    """Finds class 1 in bright regions, a pixel to the right of them, else class 0 a little."""

    name = "scripted"

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        assert extras is not None
        return [
            {
                "scores": np.array([[0.1, image.mean() / 255, 0.0]], dtype=np.float32),
                "boxes": np.repeat(one["proposal"] + (1, 0, 1, 0), 3, axis=0)[None],
            }
            for image, one in zip(images, extras, strict=True)
        ]


@pytest.fixture
def detector(tmp_path: Path) -> Rcnn:
    model = load_model_config(str(write_model("rcnn", tmp_path)))
    (tmp_path / "boxes.txt").write_text("1,-1,1,1,20,20,1\n1,-1,31,11,10,10,.9\n1,-1,32,11,10,10,1")
    options = Rcnn.Options(
        model="small_rcnn",
        proposals="file",
        proposals_from=str(tmp_path / "boxes.txt"),
        score_thresh=0.3,
        context=0,
    )
    return Rcnn(options, model, BrightRegions())


def test_overlapping_regions_of_a_class_become_one_box(detector: Rcnn) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[10:20, 30:40] = 255
    [found] = detector([image])
    assert found.class_ids.tolist() == [1]
    assert found.xyxy.tolist() == [[31, 10, 41, 20]]
    assert found.scores[0] > 0.9


def test_an_image_without_proposals_has_no_objects(detector: Rcnn) -> None:
    image = np.full((64, 96, 3), 255, np.uint8)
    first, second = detector([image, image])
    assert len(first) == 2  # a large region and the better of two alike
    assert len(second) == 0


def test_proposals_of_a_file_go_by_the_frame_not_by_what_came_before(detector: Rcnn) -> None:
    image = np.full((64, 96, 3), 255, np.uint8)
    first, second = detector.detect_frames([image, image], [1, 0])
    assert (len(first), len(second)) == (0, 2)
