"""A large fully connected layer in 8 bits computes nearly what it computed in fp32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from openvino import Model
from openvino import opset13 as op

from streamdet.runtimes.cpu import has_int8
from streamdet.runtimes.int8_layers import layers_in_8_bits, quantise_layers
from streamdet.runtimes.openvino import core

ROWS, WIDTH, OUTPUTS = 20, 2048, 256  # 2048 x 256 weights are as few as are worth it
needs_int8 = pytest.mark.skipif(not has_int8(), reason="this CPU has no VNNI or AMX")

Array = npt.NDArray[np.float32]


def normal(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def graph_of(weights: npt.NDArray[Any], *, is_transposed: bool = True) -> Model:
    """A layer (N, K), stored as (K, N) unless `is_transposed`, in the weights' own precision."""
    rows = op.parameter([ROWS, weights.shape[1]], np.float32)
    stored = op.constant(np.ascontiguousarray(weights if is_transposed else weights.T))
    factor = stored if weights.dtype == np.float32 else op.convert(stored, np.float32)
    return Model([op.matmul(rows, factor, False, is_transposed)], [rows])


def compiled(graph: Model) -> Any:
    return core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def error(found: Array, wanted: Array) -> float:
    return float(np.abs(found - wanted).mean() / np.abs(wanted).mean())


@pytest.mark.parametrize("is_transposed", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_large_layer_is_off_by_less_than_2_percent(dtype: Any, is_transposed: bool) -> None:
    weights, rows = normal(OUTPUTS, WIDTH), normal(ROWS, WIDTH)
    graph = graph_of(weights.astype(dtype), is_transposed=is_transposed)
    assert quantise_layers(graph) == 1
    assert 0 < error(compiled(graph)([rows])[0], rows @ weights.T) < 0.02


def test_each_row_and_each_output_has_its_own_scale() -> None:
    sizes = np.float32(10.0) ** np.arange(-4, 4)
    weights = normal(OUTPUTS, WIDTH) * np.tile(sizes, OUTPUTS // 8)[:, None]
    rows = normal(ROWS, WIDTH) * np.resize(sizes, ROWS)[:, None]
    graph = graph_of(weights)
    quantise_layers(graph)
    found, wanted = compiled(graph)([rows])[0], rows @ weights.T
    assert all(error(found[i, j::8], wanted[i, j::8]) < 0.03 for i in range(8) for j in range(8))


def test_rows_and_weights_of_zeros_give_zeros() -> None:
    weights, rows = normal(OUTPUTS, WIDTH), normal(ROWS, WIDTH)
    weights[3], rows[5] = 0, 0
    graph = graph_of(weights)
    quantise_layers(graph)
    found = compiled(graph)([rows])[0]
    assert not np.isnan(found).any()
    assert not found[:, 3].any()
    assert not found[5].any()


def test_a_small_layer_stays_as_it_is() -> None:
    graph = graph_of(normal(OUTPUTS - 1, WIDTH))
    before = [node.get_name() for node in graph.get_ordered_ops()]
    assert quantise_layers(graph) == 0
    assert [node.get_name() for node in graph.get_ordered_ops()] == before


def test_a_product_of_two_inputs_is_no_layer() -> None:
    one, other = (op.parameter([1024, 1024], np.float32) for _ in range(2))
    assert quantise_layers(Model([op.matmul(one, other, False, True)], [one, other])) == 0


@needs_int8
def test_the_compiled_layer_has_8_bits() -> None:
    graph = graph_of(normal(OUTPUTS, WIDTH))
    assert layers_in_8_bits(compiled(graph)) == 0
    quantise_layers(graph)
    assert layers_in_8_bits(compiled(graph)) == 1


@needs_int8
def test_sums_of_large_products_do_not_saturate() -> None:
    weights, rows = (normal(each, WIDTH).clip(0.5, 1.0) for each in (OUTPUTS, ROWS))
    graph = graph_of(weights)
    quantise_layers(graph)
    assert error(compiled(graph)([rows])[0], rows @ weights.T) < 0.02
