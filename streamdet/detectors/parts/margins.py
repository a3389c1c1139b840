"""From the margins of a linear SVM to scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class MarginScale:
    """A sigmoid: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.

    Attributes:
        half: margin whose score is 0.5.
        steepness: how fast the score rises there, > 0; the odds grow by e ** steepness a unit.
    """

    half: float
    steepness: float

    def score(self, margins: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Map margins to 0..1, rising: about the chance that the box is right.

        The inverse of `margin`.
        """
        logits = np.clip(self.steepness * (margins - self.half), -80.0, 80.0)
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)

    def margin(self, score: float) -> float:
        """Map a score to its margin, a hair lower; 0 and 1 give a finite margin too."""
        inside = min(max(score, 1e-6), 1.0 - 1e-6)
        return self.half + math.log(inside / (1.0 - inside)) / self.steepness - 1e-6
