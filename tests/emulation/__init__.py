"""CUDA on a CPU: a driver of our own (libcuda.so.1), PyCUDA built against it, kernels by g++.

What runs here says that the logic is right: addresses, order, barriers, counts. It says nothing of
the PTX, of FMA rounding, races between warps, speed, or what a real driver does with memory whose
owner has died (both answers can be chosen, see EMULATED_CUDA_ORPHANS in driver/ledger.cpp).
"""
