"""Ground truth, one file for each format that it comes in."""
