"""What a preview draws: the objects of a message, in the pixels of its image."""

from __future__ import annotations

from typing import Any

from streamdet.formats.published import PublishedMessage
from streamdet.server.previews import objects_in


def published(*objects: dict[str, Any]) -> PublishedMessage:
    known = {"confidence": 0.5, "class_id": 0, "label": "car", "bbox": [10, 20, 30, 40]}
    return PublishedMessage(
        "1-0", {"width": 100, "height": 80, "objects": [{**known, **each} for each in objects]}
    )


def test_children_know_their_parents_at_the_size_of_the_image() -> None:
    sent = published({"id": 7}, {"id": None, "label": "plate", "parent": 0, "parent_id": 7})
    found, labels = objects_in(sent, (40, 50))
    assert found.xyxy.tolist() == [[5, 10, 15, 20]] * 2
    assert found.tracks() == [7, None]
    assert found.parents is not None
    assert found.parents.tolist() == [-1, 0]
    assert labels == ["car", "plate"]


def test_keypoints_are_drawn_where_all_objects_have_as_many() -> None:
    two, one = [[10, 20, 0.5], [20, 40, 1.0]], [[10, 20, 0.5]]
    found, _ = objects_in(published({"id": 1, "keypoints": two}), (40, 50))
    assert found.keypoints is not None
    assert found.keypoints.tolist() == [[[5, 10, 0.5], [10, 20, 1.0]]]
    for other in ({"id": 2}, {"id": 2, "keypoints": one}):
        found, _ = objects_in(published({"id": 1, "keypoints": two}, other), (40, 50))
        assert found.keypoints is None
    assert len(objects_in(published(), (40, 50))[0]) == 0
