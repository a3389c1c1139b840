"""A model's configuration and its built network file."""
