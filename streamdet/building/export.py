"""From a network in torch to ONNX: our own nodes with their bodies, batch and sides free."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from streamdet.building.free_sides import BATCH, free_sides
from streamdet.building.functions import OPSET, function_of
from streamdet.errors import EngineError
from streamdet.networks import NODE_DOMAIN, Network

_TRACED: Final = 2  # images: torch takes a number of 1 for one that never changes


def export(network: Network, input_name: str, hw: tuple[int, int], batch: int | None = None) -> Any:
    """Export a network.

    Args:
        network: in the state that is wanted; it is put into evaluation mode. One whose class states
            `takes_any_hw = True` is exported with a free height and width.
        input_name: name that the image input gets.
        hw: height and width of the image, pixels.
        batch: images at a time; None: any number.

    Returns:
        An `onnx.ModelProto`, checked; its outputs bear the names of the network's.

    Raises:
        EngineError: torch cannot export the network.
    """
    import onnx
    import torch

    assert isinstance(network, torch.nn.Module)
    module = network.eval()
    is_convolutional = getattr(network, "takes_any_hw", False)
    images = batch or (1 if is_convolutional else _TRACED)
    extras = {name: torch.zeros((images, *shape)) for name, shape in network.extra_inputs.items()}
    image = torch.zeros((images, 3, *hw))
    with torch.no_grad():
        output_names = list(network(image, **extras))
        with _quiet():
            try:
                program = torch.onnx.export(
                    module,
                    (image, *extras.values()),
                    dynamo=True,
                    input_names=[input_name, *extras],
                    output_names=output_names,
                    opset_version=OPSET,
                    dynamic_shapes=None
                    if batch or is_convolutional
                    else _free_batch(1 + len(extras)),
                    verbose=False,
                )
            except Exception as exc:  # whatever torch's tracing meets in the network
                raise EngineError(f"torch cannot export {type(module).__name__}: {exc}") from exc
    assert program is not None
    model = program.model_proto
    if is_convolutional:
        free_sides(model, input_name, has_free_batch=batch is None)
    _add_functions(model)
    onnx.checker.check_model(model, full_check=model.ByteSize() < onnx.checker.MAXIMUM_PROTOBUF)
    return model


def _free_batch(inputs: int) -> tuple[dict[int, str], ...]:
    return tuple({0: BATCH} for _ in range(inputs))


def _add_functions(model: Any) -> None:
    names = {node.op_type for node in model.graph.node if node.domain == NODE_DOMAIN}
    model.functions.extend(function_of(name) for name in sorted(names))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own deprecations and hints, which concern no user, to itself."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
