"""Our nodes as TensorRT's plugins of its third version, which TensorRT-RTX takes alone.

An engine keeps of each plugin its attributes and the PTX of its kernels; whoever runs the engine
registers the same creators, which make the plugins out of these fields again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.kernels.driver import Kernels
from streamdet.kernels.launch import DeviceArray
from streamdet.networks import NODE_DOMAIN
from streamdet.runtimes.plugin_nodes import NODE_KINDS, PTX_FIELD, Attributes, NodeKind

VERSION: Final = "1"


def register(library: Any, ptx: Mapping[str, bytes]) -> list[Any]:
    """Make our plugins known to a loaded library.

    Args:
        library: the module of TensorRT.
        ptx: type of a node -> PTX of its kernels; engines that are loaded bring their own.

    Returns:
        The creators, which must live as long as the library is used.
    """
    plugin_class = make_plugin_class(library)
    registry = library.get_plugin_registry()
    creators = []
    for name, kind in NODE_KINDS.items():
        creator = _creator_class(library, plugin_class)(name, kind, ptx.get(name, b""))
        registry.register_creator(creator, NODE_DOMAIN)
        creators.append(creator)
    return creators


def _creator_class(library: Any, plugin_class: Any) -> Any:
    class Creator(library.IPluginCreatorV3One):  # type: ignore[misc]
        """Makes the plugins of one type of node."""

        def __init__(self, name: str, kind: NodeKind, ptx: bytes) -> None:
            """State what the plugin is called and which attributes it wants."""
            library.IPluginCreatorV3One.__init__(self)
            self.name, self.plugin_version, self.plugin_namespace = name, VERSION, NODE_DOMAIN
            self._ptx = ptx
            unset = (np.array([]), library.PluginFieldType.UNKNOWN)
            fields = [library.PluginField(each, *unset) for each in (*kind.attributes, PTX_FIELD)]
            self.field_names = library.PluginFieldCollection(fields)

        def create_plugin(self, _name: str, fields: Any, _phase: Any) -> Any:
            """Make a plugin of a node's attributes, or of an engine's fields."""
            found = {field.name: np.array(field.data) for field in fields}
            stored = found.pop(PTX_FIELD, None)
            return plugin_class(self.name, found, self._ptx if stored is None else stored.tobytes())

    return Creator


def make_plugin_class(library: Any) -> Any:
    """Join what a plugin answers with the classes of a library that ask it."""
    bases = (
        library.IPluginV3,
        library.IPluginV3OneCore,
        library.IPluginV3OneBuild,
        library.IPluginV3OneRuntime,
    )

    class Plugin(NodePlugin, *bases):  # type: ignore[misc]
        """A node of ours in this library."""

        def __init__(self, name: str, attributes: Attributes, ptx: bytes) -> None:
            """Make it; see `NodePlugin`."""
            for base in bases:
                base.__init__(self)
            NodePlugin.__init__(self, library, name, attributes, ptx)

        def clone(self) -> Any:
            """Make another one of the same node."""
            return Plugin(*self.made_of)

    return Plugin


class NodePlugin:
    """A node of ours: what TensorRT asks is answered by its `PluginNode`. Names are TensorRT's."""

    def __init__(self, library: Any, name: str, attributes: Attributes, ptx: bytes) -> None:
        """Keep the node's type and attributes, and the PTX of its kernels."""
        self.made_of = (name, attributes, ptx)
        self._library = library
        self._node = NODE_KINDS[name].make(attributes)
        self._types: dict[Any, np.dtype[Any]] = {
            library.float32: np.dtype(np.float32),
            library.float16: np.dtype(np.float16),
            library.int64: np.dtype(np.int64),
        }
        self._kernels: Kernels | None = None
        self.plugin_name, self.plugin_version, self.plugin_namespace = name, VERSION, NODE_DOMAIN
        self.num_outputs = self._node.outputs

    def get_capability_interface(self, _kind: Any) -> Any:
        """All three kinds of answers are given here."""
        return self

    def attach_to_context(self, _context: Any) -> Any:
        """Each context launches by a plugin of its own."""
        return self.clone()  # type: ignore[attr-defined]

    def get_output_data_types(self, inputs: Sequence[Any]) -> list[Any]:
        """Types of the outputs by those of the inputs."""
        names = {dtype: name for name, dtype in self._types.items()}
        return [names[each] for each in self._node.output_types([self._types[i] for i in inputs])]

    def get_output_shapes(
        self, inputs: Sequence[Any], _shape_inputs: Sequence[Any], expressions: Any
    ) -> list[Any]:
        """Shapes of the outputs, as expressions where a side is free."""
        found = []
        for shape in self._node.output_shapes([list(each) for each in inputs]):
            written = self._library.DimsExprs(len(shape))
            for axis, side in enumerate(shape):
                written[axis] = expressions.constant(side) if isinstance(side, int) else side
            found.append(written)
        return found

    def supports_format_combination(
        self, position: int, tensors: Sequence[Any], _inputs: int
    ) -> bool:
        """Whether a tensor may be so, the ones before it being as they are: rows, known types."""
        seen = [tensors[index].desc for index in range(position + 1)]
        dtypes = [self._types.get(each.type, np.dtype(np.void)) for each in seen]
        is_rows = seen[position].format == self._library.TensorFormat.LINEAR
        return bool(is_rows and self._node.takes(position, dtypes))

    def configure_plugin(self, _inputs: Any, _outputs: Any) -> None:
        """Nothing depends on what was chosen."""

    def on_shape_change(self, _inputs: Any, _outputs: Any) -> int:
        """Nothing depends on the shapes before `enqueue`."""
        return 0

    def set_tactic(self, _tactic: int) -> int:
        """There is one way only."""
        return 0

    def get_workspace_size(self, inputs: Sequence[Any], _outputs: Any) -> int:
        """Bytes of device memory for the largest inputs."""
        return self._node.workspace([tuple(each.max) for each in inputs])

    def get_fields_to_serialize(self) -> Any:
        """What an engine keeps: the attributes and the PTX."""
        _, attributes, ptx = self.made_of
        kinds = self._library.PluginFieldType
        stored: list[tuple[str, npt.NDArray[Any], Any]] = [
            (name, values.astype(np.int32), kinds.INT32)
            if np.issubdtype(values.dtype, np.integer)
            else (name, values.astype(np.float32), kinds.FLOAT32)
            for name, values in attributes.items()
        ]
        stored.append((PTX_FIELD, np.frombuffer(ptx, np.int8), kinds.INT8))
        self._stored = stored  # the library reads the arrays after this call
        return self._library.PluginFieldCollection(
            [self._library.PluginField(*each) for each in stored]
        )

    def enqueue(
        self,
        input_desc: Sequence[Any],
        output_desc: Sequence[Any],
        inputs: Sequence[int],
        outputs: Sequence[int],
        workspace: int,
        stream: int,
    ) -> int:
        """Start the kernels on TensorRT's stream, in the context that is current."""
        if self._kernels is None:
            self._kernels = Kernels(self.made_of[2])
        given = self._arrays(inputs, input_desc)
        wanted = self._arrays(outputs, output_desc)
        for launch in self._node.launches(given, wanted, workspace):
            self._kernels.start(launch, stream)
        return 0

    def _arrays(self, pointers: Sequence[int], descriptions: Sequence[Any]) -> list[DeviceArray]:
        return [
            DeviceArray(pointer, tuple(each.dims), self._types[each.type])
            for pointer, each in zip(pointers, descriptions, strict=True)
        ]
