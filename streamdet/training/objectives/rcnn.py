"""R-CNN: Girshick et al., CVPR 2014, section 2.3: the network is fine-tuned on warped regions.

Regions are chosen and lose as in given_proposals.py; each is cut out of its image and warped as
the detector does it. B images, P regions of an image, h and w the size of a warped region.

Departure: class and box are trained together, by softmax and Fast R-CNN's losses; the paper's SVMs
and regressors are fitted afterwards, on features. With a `cache` an image's regions are chosen
once, and what a frozen backbone computes of them is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from streamdet.networks.region_cnn import RegionCnn
from streamdet.training.frozen_backbone import FrozenBackbone
from streamdet.training.image_cache import ImageCache, weights_digest
from streamdet.training.objectives.given_proposals import (
    BETA,
    GivenRegions,
    RegionOptions,
    want_softmax,
)
from streamdet.training.region_losses import UNUSED, Regions, padded, region_losses
from streamdet.training.target import Target, of_labelled_classes


class RcnnObjectiveOptions(RegionOptions):
    """Options of `RcnnObjective`."""

    context: int = Field(
        16, ge=0, le=64, description="Border around a region's box in its crop, as the detector's."
    )


class RcnnObjective:
    """The losses of R-CNN's network; see `Objective`."""

    Options: ClassVar = RcnnObjectiveOptions

    def __init__(self, network: RegionCnn, options: RcnnObjectiveOptions) -> None:
        """Join the network and the options.

        Raises:
            ConfigError: the network classifies by SVMs.
        """
        want_softmax(network.options.classifier)
        self.generator = torch.Generator()
        self._network = network
        self._choose = GivenRegions(options, self.generator)
        self._options = options
        self._frozen: FrozenBackbone | None = None
        self._kept: ImageCache | None = None

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute class and box; the images are of any size."""
        sure = [of_labelled_classes(target) for target in targets]
        if self._options.cache is None:
            regions = self._choose(sure, images)
            features = self._network.features(self._crops(images, regions))
        else:
            regions, features = self._joined(images, sure, self._options.cache)
        margins, deltas = self._network.head.look_at(features)
        rows = regions.labels.shape
        logits, moves = margins.view(*rows, -1), deltas.view(*rows, -1, 4)
        return region_losses(logits, moves, regions, sure, (self._network.box_weights, BETA))

    def _crops(self, images: Tensor, regions: Regions) -> Tensor:
        """Cut out regions (B, P): (B * P, 3, h, w)."""
        return torch.cat(
            [
                warped(image, boxes, self._network.hw, self._options.context)
                for image, boxes in zip(images, regions.xyxy, strict=True)
            ]
        )

    def _joined(
        self, images: Tensor, targets: Sequence[Target], folder: Path
    ) -> tuple[Regions, Tensor]:
        """Read each image's regions and their features, or choose and compute them."""
        body = self._network.backbone
        if self._frozen is None or self._kept is None:  # now the weights are those that stay
            stated = self._options.model_dump_json(exclude={"cache"})
            self._frozen = FrozenBackbone(body, "objective.cache")
            depends_on = f"{weights_digest(body)} {stated} {self._network.hw}"
            self._kept = ImageCache(folder, depends_on)
        kept = [
            self._of_image(image, target, self._kept, self._frozen)
            for image, target in zip(images, targets, strict=True)
        ]
        regions = Regions(
            padded([each["xyxy"] for each in kept]),
            padded([each["labels"] for each in kept], UNUSED),
            padded([each["objects"] for each in kept]),
        )
        return regions, padded([each["features"].float() for each in kept]).flatten(0, 1)

    def _of_image(
        self, image: Tensor, target: Target, cache: ImageCache, frozen: FrozenBackbone
    ) -> Mapping[str, Tensor]:
        key = cache.key(image, target.xyxy, target.class_ids, target.ignored)

        def compute() -> dict[str, Tensor]:
            self.generator.manual_seed(int(key[:15], 16))  # whichever step comes to it first
            regions = self._choose([target], image[None])
            [maps] = frozen(self._crops(image[None], regions)).values()
            [xyxy], [labels], [objects] = regions
            features = maps.flatten(1).half()
            return {"xyxy": xyxy, "labels": labels, "objects": objects, "features": features}

        return {name: each.to(image.device) for name, each in cache(key, compute).items()}


def warped(image: Tensor, xyxy: Tensor, hw: tuple[int, int], context: int) -> Tensor:
    """Cut regions out and warp them to one size, whatever their shape: as detectors/rcnn.py.

    Args:
        image: (3, H, W) normalised; zeros, the mean, fill what is outside.
        xyxy: (P, 4) pixels.
        hw: h and w.
        context: pixels of the result around the box on each side, less than half of a side.

    Returns:
        (P, 3, h, w).
    """
    height, width = image.shape[1:]
    y = _normalised(xyxy[:, 1::2], hw[0], context, height)[:, :, None].expand(-1, -1, hw[1])
    x = _normalised(xyxy[:, 0::2], hw[1], context, width)[:, None].expand(-1, hw[0], -1)
    copies = image.expand(len(xyxy), -1, -1, -1)
    return functional.grid_sample(copies, torch.stack((x, y), dim=3), align_corners=False)


def _normalised(edges: Tensor, count: int, context: int, side: int) -> Tensor:
    """Where the `count` pixels of a crop lie along one axis, -1 and 1 the image's borders.

    Args:
        edges: (P, 2) of the boxes, pixels.
        count: pixels of the crop.
        context: how many of them are around the box on each side.
        side: of the image, pixels.
    """
    scale = (edges[:, 1:] - edges[:, :1]) / (count - 2 * context)
    pixels = torch.arange(count, dtype=edges.dtype, device=edges.device) + 0.5 - context
    return 2 * (edges[:, :1] + pixels * scale) / side - 1
