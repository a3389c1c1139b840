"""How good results are: detection and tracking scores."""
