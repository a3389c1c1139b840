"""Research comparisons, from a checkout: `python -m benchmarks NAME`; see also results/.

What a user runs is `streamdet bench`.
"""
