"""TensorRT, in one edge for both of its libraries: full TensorRT and TensorRT-RTX.

`compile` builds an engine out of an ONNX file, in a child process (`child`), because the library
aborts where a plugin or a file surprises it. `library` finds and loads the library, `plugins` puts
our nodes (../plugin_nodes.py) into TensorRT's classes (kernels/driver.py starts their kernels on
its stream), `layers` reads which arithmetic each layer of an engine has, `device` looks at the GPU
and its driver. `runtime` finds an engine by its passport, `engine` executes it.

Engines have been built with TensorRT-RTX on machines without a GPU. None has been executed.
"""
