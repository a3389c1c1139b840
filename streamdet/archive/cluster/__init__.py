"""Segments detected on many machines: one pipeline on each node of a Ray cluster.

Ray starts the pipelines, carries what is said to and by them, and says which nodes are there; it
never sees an image. What waits and what is done is decided here, as on one machine:

- nodes.py: the nodes there are, and whether one of them can work.
- link.py: this side of one node: gives it a share of what waits, takes detections when a segment
  has ended, and gives it up when it is lost or silent.
- node.py: the other side, an actor on the node.

Detections of a segment come to this process, which alone writes into the archive: a node that was
given up is never asked again, so the first detections of a segment are the only ones.
"""
