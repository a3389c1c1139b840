"""What TensorRT's log says of layers; its lines are from a build of street_rcnn, shortened."""

from __future__ import annotations

from streamdet.runtimes.tensorrt.layers import Layer, counted_layers, read_layers

LOG = """Layers:
Name: __mye1_myl0_0, LayerType: wait, Inputs: [], Constants: [], Outputs: [], TacticName: , \
StreamId: 0, Metadata: x
Name: conv_myl0_4, LayerType: correlation, Inputs: [ { Name: a, Dimensions: [-1,3,8,8], \
Strides: [1], StrideOrder: [0], Datatype: Int8, Format: (Linear) }, { Name: s, Dimensions: [1], \
Strides: [1], StrideOrder: [0], Datatype: Float, Format: (Linear) }], Constants: [ { Name: w, \
Dimensions: [1], Strides: [1], StrideOrder: [0], Datatype: Int8, Format: (Linear) }], Outputs: \
[ { Name: b, Dimensions: [1], Strides: [1], StrideOrder: [0], Datatype: Half, Format: (Linear) }], \
TacticName: x, StreamId: 0, Metadata: [ONNX Layer: node_Conv_1][ONNX Layer: node_add]
Name: nms_myl0_9, LayerType: custom_layer, Inputs: [ { Name: c, Dimensions: [-1,960,4], \
Strides: [1], StrideOrder: [0], Datatype: Float, Format: (Linear) }], Constants: [], Outputs: \
[ { Name: d, Dimensions: [1], Strides: [1], StrideOrder: [0], Datatype: Int64, Format: (Linear) }],\
 TacticName: , StreamId: 0, Metadata: [ONNX Layer: nms_node]
"""


def test_a_layer_computes_in_the_type_of_its_first_input() -> None:
    layers = read_layers([LOG], {"nms_node": "Nms"})
    assert layers == [
        Layer("conv_myl0_4", "correlation", "int8", "fp16", ("node_Conv_1", "node_add")),
        Layer("nms_myl0_9", "custom_layer", "fp32", "int64", ("nms_node",), "Nms"),
    ]
    assert counted_layers(layers) == {"int8": 1, "fp32": 1}


def test_a_log_without_layers_has_none() -> None:
    assert read_layers(["Engine generation completed"], {}) == []
