"""configs/models/NAME.yaml: one network, its weights, its input and its thresholds."""
