"""Our CUDA kernels (engines/kernels): their PTX, and how each is launched.

`ptx` compiles; a kernel's `launches` say grid, block and arguments for arrays in device memory.
Whoever has a CUDA context loads the PTX and launches them one after the other on one stream: the
stages by PyCUDA (transport/cuda_device.py), TensorRT's plugins by the driver itself (`driver`).
"""
