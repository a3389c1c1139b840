"""Everything of the GPU path that a machine with a GPU can check, in less than four minutes.

`make gpu-check` needs nvcc, torch and numpy; what needs more (PyCUDA for the pool, PyAV for NVDEC,
TensorRT) is left out with its reason where that is missing. The same program runs over the emulated
driver (`--emulated`, small sizes, no times), so that a machine without a GPU keeps it alive.
"""
