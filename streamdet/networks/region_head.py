"""What looks at a region in R-CNN and SPP-net: fc6 and fc7, a classifier, a box regressor.

Girshick et al., "Rich feature hierarchies for accurate object detection and semantic segmentation",
2014: linear SVMs on fc7, one a class (section 2.3), and a linear regressor of boxes on the last
map, before fc6 (appendix C). R regions, F features of a region, C classes without the background.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from streamdet.networks.box_heads import TwoLayerHead

Classifier = Literal["svm", "softmax"]
"""SVMs, or the softmax with which the network was fine-tuned (the paper compares both: 4.5)."""


class RegionHead(nn.Module):
    """Scores a region for each class and says how each class moves it.

    An SVM's margin becomes a score by a sigmoid; its scale (see detectors/parts/margins.py)
    belongs into the SVM's own weight and bias, as `cls_score` holds them.

    Attributes:
        box_scale: F ** -0.5, by which `bbox_pred` sees the features: with thousands of them as they
            are, one step of Adam moves a box by several times its side.
    """

    def __init__(self, features: int, width: int, classes: int, classifier: Classifier) -> None:
        """Make it for regions of `features` numbers; `width` is that of fc6 and fc7."""
        super().__init__()
        self._is_svm = classifier == "svm"
        self.box_scale = features**-0.5
        self.layers = TwoLayerHead(features, 1, width)
        self.cls_score = nn.Linear(width, classes if self._is_svm else classes + 1)
        self.bbox_pred = nn.Linear(features, 4 * classes)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Look at regions (R, F).

        Returns:
            Scores (R, C), 0..1, and deltas (R, C, 4), see ops.box_coding.
        """
        margins, deltas = self.look_at(features)
        return self.scores(margins), deltas

    def look_at(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Look at regions (R, F), as training does.

        Returns:
            Margins (R, C) of SVMs or logits (R, C + 1) of softmax, the background first, and
            deltas (R, C, 4).
        """
        margins = self.cls_score(self.layers(features))
        return margins, self.bbox_pred(features * self.box_scale).unflatten(1, (-1, 4))

    def scores(self, margins: Tensor) -> Tensor:
        """Turn margins (..., C) or logits (..., C + 1) into scores (..., C), 0..1."""
        return torch.sigmoid(margins) if self._is_svm else margins.softmax(dim=-1)[..., 1:]
