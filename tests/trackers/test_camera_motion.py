"""The motion of a camera, seen in its images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detections import Detections
from streamdet.image import ArrayImage, Pixels
from streamdet.trackers.bot_sort import BotSort, BotSortOptions
from streamdet.trackers.camera_motion import SparseFlow, move_filters

cv2 = pytest.importorskip("cv2")
HW = (360, 480)


def scene(seed: int = 0) -> Pixels:
    """A wall of soft blots, larger than an image."""
    noise = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (800, 600), interpolation=cv2.INTER_CUBIC), np.uint8)


def view(x: float, y: float, zoom: float = 1.0) -> ArrayImage:
    """What a camera sees whose image's corner is at (x, y) of the scene."""
    affine = np.array([[zoom, 0.0, -x * zoom], [0.0, zoom, -y * zoom]])
    return ArrayImage(cv2.warpAffine(scene(), affine, HW[::-1]))


def motion(*images: ArrayImage) -> npt.NDArray[np.float64] | None:
    flow = SparseFlow()
    for image in images:
        moved = flow.motion(image)
    return moved


def test_a_camera_that_turns_right_moves_the_scene_left() -> None:
    moved = motion(view(100, 100), view(112, 94))
    assert moved is not None
    np.testing.assert_allclose(moved, [[1, 0, -12], [0, 1, 6]], atol=0.35)


def test_a_camera_that_zooms_in_makes_the_scene_larger() -> None:
    moved = motion(view(100, 100), view(100, 100, zoom=1.05))
    assert moved is not None
    np.testing.assert_allclose(moved[:, :2], np.eye(2) * 1.05, atol=0.003)


def test_a_camera_that_stands_does_not_move() -> None:
    assert motion(view(100, 100), view(100, 100)) is None


def test_one_object_that_moves_is_no_camera() -> None:
    first, later = view(0, 0).bgr().copy(), view(0, 0).bgr().copy()
    later[100:220, 200:280] = first[100:220, 180:260]
    assert motion(ArrayImage(first), ArrayImage(later)) is None


def test_images_without_corners_and_of_other_sizes_have_no_motion() -> None:
    blank = ArrayImage(np.full((*HW, 3), 90, np.uint8))
    assert motion(blank, blank) is None
    assert motion(view(0, 0), ArrayImage(view(0, 0).bgr()[:300])) is None


def test_filters_move_with_the_scene() -> None:
    filters = np.ones((5, 4, 1))
    filters[0, :, 0] = [100, 50, 20, 40]
    filters[3, :, 0] = [3, 0, 1, 1]
    move_filters(filters, np.array([[0.0, -2.0, 5.0], [2.0, 0.0, 7.0]]))  # a quarter turn, twice
    assert filters[0, :, 0].tolist() == [5 - 2 * 50, 7 + 2 * 100, 40, 80]
    assert filters[3, :, 0].tolist() == [0, 6, 2, 2]
    assert filters[1, :, 0].tolist() == [4] * 4


def standing(camera_xy: tuple[float, float]) -> Detections:
    """A person who stands at (300, 250) of the scene."""
    x, y = 300 - camera_xy[0], 250 - camera_xy[1]
    return Detections(np.array([[x, y, x + 20, y + 50]]), np.array([0.95]), np.array([0]))


def ids(camera_motion: str) -> list[int]:
    """Ids over ten frames in which the camera turns by 25 pixels a frame, to and fro."""
    tracker = BotSort(BotSortOptions.model_validate({"camera_motion": camera_motion}))
    found: set[int] = set()
    for frame in range(10):
        camera = (100.0 + 25 * (frame % 2), 100.0)
        tracker.look(view(*camera))
        tracks = tracker.update(standing(camera))
        assert tracks.track_ids is not None
        found.update(tracks.track_ids.tolist())
    return sorted(found)


def test_a_person_keeps_the_id_when_the_camera_jerks() -> None:
    assert ids("sparse_flow") == [1]
    assert ids("off") != [1]


def test_a_restored_tracker_has_the_last_image() -> None:
    options = BotSortOptions(camera_motion="sparse_flow")
    one, other = BotSort(options), BotSort(options)
    for tracker in (one, other):
        tracker.look(view(100, 100))
        tracker.update(standing((100, 100)))
    broken = BotSort(options)
    broken.restore(one.state())
    for tracker in (broken, other):
        tracker.look(view(125, 100))
    np.testing.assert_array_equal(
        broken.update(standing((125, 100))).xyxy, other.update(standing((125, 100))).xyxy
    )
    assert broken.state() == other.state()


@pytest.mark.parametrize("junk", [b"junk", b"\x92\xc4\x00\xc4\x02ab"])
def test_what_is_no_state_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="are not"):
        BotSort(BotSortOptions(camera_motion="sparse_flow")).restore(junk)
