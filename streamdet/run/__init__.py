"""One run on one machine from start to end."""
