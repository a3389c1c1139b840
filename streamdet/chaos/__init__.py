"""Trials of a graph: it is run while its processes and its Redis server are hurt on purpose."""
