"""A network is split at our own nodes, and nothing is lost or computed in the wrong order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnx import TensorProto, helper, numpy_helper

from streamdet.runtimes.gpu.split import DensePart, NodePart, split

POOL: dict[str, Any] = {"scale": 0.5, "output_hw": [1, 1], "plugin_namespace": "streamdet"}


def model(nodes: Sequence[Any], outputs: Sequence[str]) -> Any:
    """Inputs `image` and `rois`, initializer `one`."""
    values = [
        helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 4, 6)),
        helper.make_tensor_value_info("rois", TensorProto.FLOAT, (2, 5)),
    ]
    one = helper.make_tensor("one", TensorProto.FLOAT, (), [1])
    graph = helper.make_graph(
        nodes, "g", values, [helper.make_empty_tensor_value_info(name) for name in outputs], [one]
    )
    return helper.make_model(graph)


def pool(rois: str, features: str, pooled: str) -> Any:
    return helper.make_node("RoiPool", [rois, features], [pooled], domain="streamdet", **POOL)


def told(parts: Sequence[DensePart | NodePart]) -> list[tuple[list[str], set[str], set[str]]]:
    """Operators (none of a node of ours), what each part reads and what it gives."""
    return [
        (
            [node.op_type for node in part.nodes] if isinstance(part, DensePart) else [],
            set(part.inputs),
            set(part.outputs),
        )
        for part in parts
    ]


def test_a_network_without_our_nodes_is_one_part() -> None:
    nodes = [
        helper.make_node("Relu", ["image"], ["a"]),
        helper.make_node("Add", ["a", "one"], ["b"]),
    ]
    assert told(split(model(nodes, ["b"]))) == [(["Relu", "Add"], {"image"}, {"b"})]


def test_what_a_node_of_ours_reads_comes_before_it_and_its_readers_after() -> None:
    nodes = [
        helper.make_node("Relu", ["image"], ["a"]),
        pool("rois", "a", "p"),
        helper.make_node("Add", ["p", "one"], ["b"]),
        helper.make_node("Mul", ["a", "one"], ["c"]),
    ]
    assert told(split(model(nodes, ["b", "c"]))) == [
        (["Relu", "Mul"], {"image"}, {"a", "c"}),
        ([], {"rois", "a"}, {"p"}),
        (["Add"], {"p"}, {"b"}),
    ]


def test_a_node_of_ours_behind_another_waits_for_it() -> None:
    nodes = [pool("rois", "image", "p"), pool("rois", "p", "q")]
    assert told(split(model(nodes, ["q"]))) == [
        ([], {"rois", "image"}, {"p"}),
        ([], {"rois", "p"}, {"q"}),
    ]


def test_a_constant_is_copied_to_each_part_that_needs_it() -> None:
    nodes = [
        helper.make_node("Neg", ["one"], ["minus"]),
        helper.make_node("Add", ["image", "minus"], ["a"]),
        pool("rois", "a", "p"),
        helper.make_node("Mul", ["p", "minus"], ["b"]),
    ]
    assert told(split(model(nodes, ["b"]))) == [
        (["Neg", "Add"], {"image"}, {"a"}),
        ([], {"rois", "a"}, {"p"}),
        (["Neg", "Mul"], {"p"}, {"b"}),
    ]


def test_a_constant_that_a_node_of_ours_reads_is_given_by_the_first_part() -> None:
    rois = helper.make_node("Constant", [], ["fixed"], value=numpy_helper.from_array(_ROIS))
    parts = split(model([rois, pool("fixed", "image", "p")], ["p"]))
    assert told(parts) == [(["Constant"], set(), {"fixed"}), ([], {"fixed", "image"}, {"p"})]


def test_what_a_body_of_if_reads_counts() -> None:
    body = helper.make_graph(
        [helper.make_node("Relu", ["p"], ["r"])],
        "body",
        [],
        [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)],
    )
    nodes = [
        pool("rois", "image", "p"),
        helper.make_node("Cast", ["one"], ["yes"], to=TensorProto.BOOL),
        helper.make_node("If", ["yes"], ["b"], then_branch=body, else_branch=body),
    ]
    assert told(split(model(nodes, ["b"])))[1] == (["Cast", "If"], {"p"}, {"b"})


def test_attributes_of_a_node_of_ours_are_read() -> None:
    [part] = split(model([pool("rois", "image", "p")], ["p"]))
    assert isinstance(part, NodePart)
    assert part.kernels == "roi_pool"
    assert part.node.output_shapes([[2, 5], [1, 3, 4, 6]]) == [[2, 3, 1, 1]]


_ROIS = numpy_helper.to_array(helper.make_tensor("r", TensorProto.FLOAT, (1, 5), [0, 0, 0, 4, 4]))
