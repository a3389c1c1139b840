"""Our CUDA kernels (engines/kernels): their PTX, and how each is launched.

Nothing here touches a GPU: `ptx` compiles, and a kernel's `launches` say grid, block and arguments
for arrays in device memory. Whoever has a CUDA context (runtimes/tensorrt, the stages on a GPU)
loads the PTX and launches them one after the other on one stream.
"""
