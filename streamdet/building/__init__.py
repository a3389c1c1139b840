"""From a network in torch to a file that a worker runs."""
