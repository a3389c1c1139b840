"""Labelling: what a detector says of unlabelled footage, as labels to train on; needs no torch."""
