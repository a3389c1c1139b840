"""Pure functions on arrays: boxes, overlaps, suppression."""
