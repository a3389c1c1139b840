"""The exact ground truth of `synthetic:street`."""

from __future__ import annotations

from typing import Final

from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.sources.scene_uri import parse_scene
from streamdet.sources.street import CLASS_NAMES, Street

LEAST_SEEN: Final = 0.25
"""An object of which less is to be seen does not count (MOT's own benchmarks leave out these)."""


def read_street(uri: str, frame_count: int) -> Truth:
    """Say where everybody is in the first frames of a scene; areas are those of the boxes.

    Args:
        uri: `synthetic:street?...`.
        frame_count: how many frames are wanted.

    Raises:
        ConfigError: the address is wrong.
    """
    spec = parse_scene(uri)
    street = Street(spec)
    images, objects = {}, []
    for number in range(1, min(frame_count, spec.frames) + 1):
        images[number] = TruthImage(number, f"frame {number}", spec.hw)
        seen = street.truth(number - 1)
        assert seen.track_ids is not None
        assert seen.masks is not None
        for xyxy, share, class_id, track_id, counts in zip(
            seen.xyxy.tolist(),
            seen.scores.tolist(),
            seen.class_ids.tolist(),
            seen.track_ids.tolist(),
            seen.masks.counts,
            strict=True,
        ):
            x1, y1, x2, y2 = xyxy
            objects.append(
                TruthObject(
                    image_id=number,
                    category_id=class_id + 1,
                    xywh=(x1, y1, x2 - x1, y2 - y1),
                    area=(x2 - x1) * (y2 - y1),
                    is_difficult=share < LEAST_SEEN,
                    track_id=track_id,
                    segmentation={"size": list(spec.hw), "counts": counts.decode("ascii")},
                )
            )
    categories = dict(enumerate(CLASS_NAMES, start=1))
    return Truth(uri, images, categories, tuple(objects))
