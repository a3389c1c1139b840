"""Our nodes as TensorRT's plugins of its third version, which TensorRT-RTX takes alone.

An engine keeps of each plugin its attributes and the PTX of its kernels; whoever runs the engine
registers the same creators, which make the plugins out of these fields again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from streamdet.kernels.launch import DeviceArray
from streamdet.networks import NODE_DOMAIN
from streamdet.runtimes.tensorrt.launching import Kernels
from streamdet.runtimes.tensorrt.nodes import NODE_KINDS, PTX_FIELD, Attributes, NodeKind

VERSION: Final = "1"


def register(library: Any, ptx: Mapping[str, bytes]) -> list[Any]:
    """Make our plugins known to a loaded library.

    Args:
        library: the module of TensorRT.
        ptx: type of a node -> PTX of its kernels; engines that are loaded bring their own.

    Returns:
        The creators, which must live as long as the library is used.
    """
    registry = library.get_plugin_registry()
    creators = [
        _creator(library, name, kind, ptx.get(name, b"")) for name, kind in NODE_KINDS.items()
    ]
    for creator in creators:
        registry.register_creator(creator, NODE_DOMAIN)
    return creators


def _creator(library: Any, name: str, kind: NodeKind, ptx: bytes) -> Any:
    class Creator(library.IPluginCreatorV3One):  # type: ignore[misc]
        """Makes the plugin of one type of node."""

        def __init__(self) -> None:
            """State what the plugin is called and which attributes it wants."""
            super().__init__()
            self.name, self.plugin_version, self.plugin_namespace = name, VERSION, NODE_DOMAIN
            empty = np.array([])
            self.field_names = library.PluginFieldCollection(
                [
                    library.PluginField(each, empty, library.PluginFieldType.UNKNOWN)
                    for each in (*kind.attributes, PTX_FIELD)
                ]
            )

        def create_plugin(self, _name: str, fields: Any, _phase: Any) -> Any:
            """Make a plugin of a node's attributes, or of an engine's fields."""
            found = {field.name: np.array(field.data) for field in fields}
            stored = found.pop(PTX_FIELD, None)
            return plugin(found, ptx if stored is None else stored.tobytes())

    def plugin(attributes: Attributes, code: bytes) -> Any:
        return _plugin_class(library)(name, attributes, code)

    return Creator()


def _plugin_class(library: Any) -> Any:
    types = {
        library.float32: np.dtype(np.float32),
        library.float16: np.dtype(np.float16),
        library.int64: np.dtype(np.int64),
    }
    names = {dtype: name for name, dtype in types.items()}

    class Plugin(  # type: ignore[misc]
        library.IPluginV3,
        library.IPluginV3OneCore,
        library.IPluginV3OneBuild,
        library.IPluginV3OneRuntime,
    ):
        """A node of ours; what TensorRT asks is answered by its `PluginNode`."""

        def __init__(self, name: str, attributes: Attributes, ptx: bytes) -> None:
            """Keep the node's attributes and the PTX of its kernels."""
            library.IPluginV3.__init__(self)
            library.IPluginV3OneCore.__init__(self)
            library.IPluginV3OneBuild.__init__(self)
            library.IPluginV3OneRuntime.__init__(self)
            self._made_of = (name, attributes, ptx)
            self._node = NODE_KINDS[name].make(attributes)
            self._kernels: Kernels | None = None
            self.plugin_name, self.plugin_version, self.plugin_namespace = (
                name,
                VERSION,
                NODE_DOMAIN,
            )
            self.num_outputs = self._node.outputs

        def get_capability_interface(self, _kind: Any) -> Any:
            return self

        def clone(self) -> Any:
            return Plugin(*self._made_of)

        def get_output_data_types(self, inputs: Sequence[Any]) -> list[Any]:
            return [
                names[dtype]
                for dtype in self._node.output_types([types[each] for each in inputs])
            ]

        def get_output_shapes(
            self, inputs: Sequence[Any], _shape_inputs: Sequence[Any], expressions: Any
        ) -> list[Any]:
            wanted = self._node.output_shapes([list(each) for each in inputs])
            return [_dimensions(shape, expressions) for shape in wanted]

        def supports_format_combination(
            self, position: int, tensors: Sequence[Any], _inputs: int
        ) -> bool:
            seen = [tensors[index].desc for index in range(position + 1)]
            dtypes = [types.get(each.type, np.dtype(np.void)) for each in seen]
            is_linear = seen[position].format == library.TensorFormat.LINEAR
            return bool(is_linear and self._node.takes(position, dtypes))

        def configure_plugin(self, _inputs: Any, _outputs: Any) -> None:
            pass

        def get_workspace_size(self, inputs: Sequence[Any], _outputs: Any) -> int:
            return self._node.workspace([tuple(each.max) for each in inputs])

        def get_fields_to_serialize(self) -> Any:
            _, attributes, ptx = self._made_of
            fields = [_field(library, name, values) for name, values in attributes.items()]
            code = np.frombuffer(ptx, np.int8)
            fields.append(
                library.PluginField(PTX_FIELD, code, library.PluginFieldType.INT8)
            )
            self._kept_for_library = (fields, code)  # it reads them after this call
            return library.PluginFieldCollection(fields)

        def on_shape_change(self, _inputs: Any, _outputs: Any) -> int:
            return 0

        def set_tactic(self, _tactic: int) -> int:
            return 0

        def attach_to_context(self, _context: Any) -> Any:
            return self.clone()

        def enqueue(  # noqa: PLR0913  TensorRT's own
            self,
            input_desc: Sequence[Any],
            output_desc: Sequence[Any],
            inputs: Sequence[int],
            outputs: Sequence[int],
            workspace: int,
            stream: int,
        ) -> int:
            if self._kernels is None:
                self._kernels = Kernels(self._made_of[2])
            given, wanted = (
                [
                    DeviceArray(pointer, tuple(each.dims), types[each.type])
                    for pointer, each in zip(pointers, descriptions, strict=True)
                ]
                for pointers, descriptions in ((inputs, input_desc), (outputs, output_desc))
            )
            for launch in self._node.launches(given, wanted, workspace):
                self._kernels.start(launch, stream)
            return 0

    def _dimensions(shape: Sequence[Any], expressions: Any) -> Any:
        """Write a shape, numbers and expressions mixed, as TensorRT wants it."""
        written = library.DimsExprs(len(shape))
        for axis, side in enumerate(shape):
            written[axis] = expressions.constant(side) if isinstance(side, int) else side
        return written

    return Plugin


def _field(library: Any, name: str, values: np.ndarray[Any, Any]) -> Any:
    is_whole = np.issubdtype(values.dtype, np.integer)
    kind = library.PluginFieldType.INT32 if is_whole else library.PluginFieldType.FLOAT32
    return library.PluginField(name, values.astype(np.int32 if is_whole else np.float32), kind)
