"""Training: recipes, data, objectives, and the loop that fits a network to them; needs torch."""
