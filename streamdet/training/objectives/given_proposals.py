"""Fast R-CNN (Girshick, 2015, section 2.3) and SPP-net (He et al., 2014), given their regions.

Regions are positive where they overlap an object by more than 0.5 and negative below 0.3, a quarter
of them positive; class and box are trained together. SPP-net's backbone stays as it was (its
section 4.2): what is trained is above the pyramid.

Departures: regions are drawn, objects moved and stretched and boxes all over the image, or are
those of a trained RPN (`proposals_from`), in place of selective search's. SPP-net: softmax and box
regression with Fast R-CNN's losses; its SVMs are fitted afterwards, on features. B images, P
regions, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor

from streamdet.config.options import Options
from streamdet.errors import ConfigError
from streamdet.networks.fast_rcnn import FastRcnn
from streamdet.networks.region_head import Classifier
from streamdet.networks.sppnet import SppNet
from streamdet.training.drawn_boxes import drawn_boxes
from streamdet.training.frozen_backbone import FrozenBackbone
from streamdet.training.image_cache import ImageCache, weights_digest
from streamdet.training.proposing_network import ProposingNetwork
from streamdet.training.region_losses import Regions, choose_regions, region_losses
from streamdet.training.target import Target, of_labelled_classes

BETA: Final = 1.0
"""Where smooth L1 turns from square to linear: Fast R-CNN, equation 3."""


class RegionOptions(Options):
    """Options of `GivenRegions`."""

    regions: int = Field(64, ge=1, description="Most regions of an image that are trained.")
    positive_share: float = Field(0.25, ge=0, le=1, description="Most of these with an object.")
    region_positive: float = Field(
        0.5, ge=0, le=1, description="Overlap above which a region has an object."
    )
    region_negative: tuple[float, float] = Field(
        (0.0, 0.3), description="Overlap from which and below which it has none."
    )
    around: int = Field(32, ge=1, description="Regions drawn around an object.")
    anywhere: int = Field(256, ge=1, description="Regions drawn all over.")
    proposals_from: str | None = Field(
        None,
        min_length=1,
        description="A model of the kind rpn whose proposals are regions, too; by default none.",
    )
    cache: Path | None = Field(
        None,
        description="Folder in which proposals and what a frozen backbone computes are kept, about"
        " 100 KB an image. It pays where images are not varied, see `augmentation`.",
    )


class GivenProposalsObjectiveOptions(RegionOptions):
    """Options of `GivenProposalsObjective`."""

    trains_backbone: bool | None = Field(
        None,
        description="Whether the layers below the regions learn; by default Fast R-CNN's do.",
    )


class GivenRegions:
    """Chooses regions of images to train on, out of drawn ones and those of a network.

    Attributes:
        generator: draws.
    """

    def __init__(self, options: RegionOptions, generator: torch.Generator) -> None:
        """Keep the options, and what draws.

        Raises:
            ConfigError: what is to propose is missing or wrong.
        """
        self._options = options
        self.generator = generator
        self._propose: ProposingNetwork | None = None
        if options.proposals_from is not None:
            self._propose = ProposingNetwork(options.proposals_from, options.cache)

    def __call__(self, targets: Sequence[Target], images: Tensor) -> Regions:
        """Choose.

        Args:
            targets: of each image; every class of an object is labelled.
            images: (B, 3, H, W) normalised.
        """
        hw = (images.shape[2], images.shape[3])
        proposals = [images.new_zeros(0, 4)] * len(images)
        if self._propose is not None:
            proposals = self._propose(images)
        candidates = [
            torch.cat((self._drawn(target, hw), own, target.xyxy))
            for target, own in zip(targets, proposals, strict=True)
        ]
        sample = (self._options.regions, self._options.positive_share)
        return choose_regions(candidates, targets, self._rule, sample, self.generator)

    def _drawn(self, target: Target, hw: tuple[int, int]) -> Tensor:
        """Draw regions of an image: (A, 4)."""
        counts = (self._options.around, self._options.anywhere)
        return drawn_boxes(target.xyxy, hw, counts, self.generator)

    def _rule(self, overlap: Tensor) -> tuple[Tensor, Tensor]:
        least, most = self._options.region_negative
        return overlap > self._options.region_positive, (least <= overlap) & (overlap < most)


class GivenProposalsObjective:
    """The losses of Fast R-CNN and SPP-net; see `Objective`."""

    Options: ClassVar = GivenProposalsObjectiveOptions

    def __init__(self, network: FastRcnn | SppNet, options: GivenProposalsObjectiveOptions) -> None:
        """Join the network and the options.

        Raises:
            ConfigError: the network classifies by SVMs.
        """
        if isinstance(network, SppNet):
            want_softmax(network.options.classifier)
        self.generator = torch.Generator()
        self._network = network
        self._choose = GivenRegions(options, self.generator)
        self._cache = options.cache
        self._frozen: FrozenBackbone | None = None
        self._kept: ImageCache | None = None
        self._trains_backbone = options.trains_backbone
        if options.trains_backbone is None:
            self._trains_backbone = isinstance(network, FastRcnn) and options.cache is None

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute class and box."""
        sure = [of_labelled_classes(target) for target in targets]
        regions = self._choose(sure, images)
        logits, deltas = self._network.look_at(self._features(images), regions.xyxy)
        return region_losses(logits, deltas, regions, sure, (self._network.box_weights, BETA))

    def _features(self, images: Tensor) -> Tensor:
        if self._trains_backbone:
            return self._network.features(images)
        self._network.backbone.eval()  # its statistics stay, too
        if self._cache is not None:
            return torch.cat([self._kept_map(image, self._cache) for image in images])
        with torch.no_grad():
            return self._network.features(images)

    def _kept_map(self, image: Tensor, folder: Path) -> Tensor:
        """Compute the map of an image (3, H, W), once."""
        body = self._network.backbone
        if self._frozen is None or self._kept is None:  # now the weights are those that stay
            self._frozen = FrozenBackbone(body, "objective.cache")
            self._kept = ImageCache(folder, weights_digest(body))
        frozen = self._frozen

        def compute() -> dict[str, Tensor]:
            [features] = frozen(image[None]).values()
            return {"map": features.half()}

        return self._kept(self._kept.key(image), compute)["map"].to(image)


def want_softmax(classifier: Classifier) -> None:
    """Refuse a network that gradients do not train.

    Raises:
        ConfigError: it classifies by SVMs.
    """
    if classifier == "svm":
        raise ConfigError("network.classifier must be softmax while it is trained, got svm")
