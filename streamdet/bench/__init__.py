"""Measured comparisons, run by `streamdet bench`."""
