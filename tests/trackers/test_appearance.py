"""What objects look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detections import Detections
from streamdet.errors import ConfigError, EngineError
from streamdet.image import ArrayImage, Pixels
from streamdet.trackers.appearance import blended, load_appearance, unit, with_appearance
from streamdet.trackers.bot_sort import BotSort, BotSortOptions

GATES = (0.6, 0.1)


@pytest.fixture
def osnet(data: Path) -> Path:
    return data / "weights" / "osnet_x0_25_msmt17.onnx"


def columns(*vectors: tuple[float, float]) -> npt.NDArray[np.float64]:
    return unit(np.array(vectors, dtype=np.float64).T)


def test_a_pair_is_worth_the_better_of_overlap_and_look() -> None:
    iou = np.array([[0.3, 0.3, 0.05, 0.95]])
    seen = columns((1, 0), (0, 1), (1, 0), (1, 0))
    # Alike: .5 + .5 cosine = 1; unlike, and too far away: the overlap.
    assert with_appearance(iou, columns((1, 0)), seen, GATES).tolist() == [[1.0, 0.3, 0.05, 1.0]]


def test_looks_that_are_not_known_are_worth_nothing() -> None:
    nothing = np.zeros((2, 1))
    assert with_appearance(np.array([[0.3]]), nothing, columns((1, 0)), GATES) == 0.3
    assert with_appearance(np.array([[0.3]]), columns((1, 0)), nothing, GATES) == 0.3


def test_a_track_s_look_follows_its_detections_slowly() -> None:
    tracks = np.hstack((columns((1, 0), (1, 0)), np.zeros((2, 1))))
    seen = np.hstack((columns((0, 1)), np.zeros((2, 1)), columns((0, 1))))
    length = np.hypot(0.9, 0.1)
    wanted = [[0.9 / length, 0.1 / length], [1, 0], [0, 1]]
    np.testing.assert_allclose(blended(tracks, seen).T, wanted)


TOWARDS = np.array([[15, 0, 15, 0], [-15, 0, -15, 0]])


def street(left: tuple[int, int, int], right: tuple[int, int, int]) -> Pixels:
    """Two people in coats of a colour (BGR)."""
    image = np.full((240, 320, 3), 128, np.uint8)
    image[60:160, 100:140], image[60:160, 145:185] = left, right
    return image


BOXES = np.array([[100, 60, 140, 160], [145, 60, 185, 160]], np.float64)


def test_the_same_coat_is_more_alike_than_another(osnet: Path) -> None:
    looks = load_appearance(osnet)(street((0, 0, 200), (200, 60, 0)), BOXES.T)
    again = load_appearance(osnet)(street((200, 60, 0), (0, 0, 200)), BOXES.T)
    np.testing.assert_allclose((looks * looks).sum(axis=0), 1.0)
    likeness = looks.T @ again
    assert likeness[0, 1] > likeness[0, 0] + 0.1
    assert likeness[1, 0] > likeness[1, 1] + 0.1


def test_a_box_outside_of_the_image_looks_like_nothing(osnet: Path) -> None:
    outside = np.array([[400.0, 60, 440, 160], [-9, -9, -1, -1]]).T
    assert not load_appearance(osnet)(street((0, 0, 0), (0, 0, 0)), outside).any()


def swapped_ids(**options: object) -> list[int]:
    """The ids, left and right, after two people have swapped their places unseen."""
    tracker = BotSort(BotSortOptions.model_validate(options))
    red, blue = (0, 0, 200), (200, 60, 0)
    for frame in range(6):
        coats = (red, blue) if frame < 5 else (blue, red)
        tracker.look(ArrayImage(street(*coats)))
        close = BOXES + TOWARDS if frame >= 4 else BOXES
        if frame == 4:
            tracker.update(Detections.empty())
            continue
        boxes = close.astype(np.float32)
        tracks = tracker.update(Detections(boxes, np.full(2, 0.95), np.zeros(2, np.int64)))
    assert tracks.track_ids is not None
    return [int(tracks.track_ids[place]) for place in tracks.xyxy[:, 0].argsort()]


def test_people_are_known_by_their_coats(osnet: Path) -> None:
    assert swapped_ids(embed_model=str(osnet), embed_cosine_thresh=0.5) == [2, 1]
    assert swapped_ids() == [1, 2]


def test_a_file_that_is_missing_or_no_such_network_is_named(tmp_path: Path) -> None:
    missing = BotSortOptions(embed_model=tmp_path / "osnet.onnx")
    assert missing.needs_image
    with pytest.raises(ConfigError, match=r"embed_model: .*osnet.onnx does not exist"):
        missing.check_parts()
    (tmp_path / "osnet.onnx").write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"osnet.onnx"):
        missing.check_parts()
