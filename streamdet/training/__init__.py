"""Training: recipes and data, which need no torch; models are fitted by gradients, or by SVMs."""
