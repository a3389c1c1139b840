"""Weights for the kinds of detectors that run without a network: small, random, quick."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.bow_model import BowGeometry, BowModel, save_bow_model
from streamdet.models.model_config import ModelConfig, Weights, load_model_config


def write_dpm(path: Path, seed: int = 0) -> None:
    """Write two components with 3 x 2 roots and two parts of 2 x 2 cells, in OpenCV's form."""
    rng = np.random.default_rng(seed)
    texts = {
        "SBin": "8",
        "Interval": "3",
        "MaxSizeX": "2",
        "MaxSizeY": "3",
        "Bias": "-2 -2.5",
        "RootFilters": "".join(_matrix(_weights(rng, 3, 2)) for _ in range(2)),
        "PartFilters": "".join(_matrix(_weights(rng, 2, 2)) for _ in range(4)),
        "Anchor": "<_>0 0</_><_>2 4</_><_>2 0</_><_>0 4</_>",
        "Deformation": "<_>.1 .02 .1 -.01</_>" * 4,
        "NumParts": "2 2",
        "LocationWeight": "<_>0 -.1 .1</_><_>0 -.1 .1</_>",
    }
    body = "".join(f"<{key}>{text}</{key}>\n" for key, text in texts.items())
    path.write_text(f'<?xml version="1.0"?>\n<opencv_storage>\n{body}</opencv_storage>\n')


def _weights(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float64]:
    weights = rng.normal(size=(height, width, 32))
    weights[..., 31] = 0  # what is outside the image neither helps nor hurts
    return weights.reshape(height, width * 32)


def _matrix(values: npt.NDArray[np.float64]) -> str:
    rows, columns = values.shape
    numbers = " ".join(f"{value:.6f}" for value in values.ravel())
    return (
        f'<_ type_id="opencv-matrix"><rows>{rows}</rows><cols>{columns}</cols>'
        f"<dt>d</dt><data>{numbers}</data></_>"
    )


def write_bow(path: Path, seed: int = 0) -> None:
    """Write a model of one class, 8 words and random coefficients."""
    rng = np.random.default_rng(seed)
    geometry = BowGeometry(step=8, patch=16, levels=(1, 2), windows_hw=((64, 64), (128, 96)))
    model = BowModel(
        geometry=geometry,
        words=rng.uniform(0, 0.2, (8, 128)).astype(np.float32),
        coefficients=rng.normal(size=(1, 5 * 8)).astype(np.float32),
        biases=np.array([-2], dtype=np.float32),
        scales=np.array([[0, 4]], dtype=np.float32),
    )
    save_bow_model(model, path)


SMALL_MODELS: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "dpm": ("dpm_person", "small.xml", write_dpm),
    "bow_spm": ("dpm_person", "small.npz", write_bow),
}
"""Kind -> a shipped model of one class (person), the file that stands in for its weights, and what
writes that."""


def write_small_models(folder: Path) -> None:
    for _, file, write in SMALL_MODELS.values():
        write(folder / file)


def small_model(kind: str) -> ModelConfig:
    """Give the shipped model of a kind with weights of STREAMDET_MODELS that are small."""
    name, file, _ = SMALL_MODELS[kind]
    content = (Path(os.environ["STREAMDET_MODELS"]) / file).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    weights = Weights(file=file, sha256=sha256, licence="own", origin="made here")
    return load_model_config(name).model_copy(update={"detector": kind, "weights": weights})
