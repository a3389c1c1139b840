"""Archives: many long files, cut into segments, detected by one pipeline, resumed after anything.

A segment is the unit of work, of resume and of failure. The manifest says what is done; a segment's
detections, and a file's outputs, appear whole or not at all. Segments are only detected; when all
of a file's segments are done, its tracker goes over their detections once, in order (join.py), so
that boxes and track ids are those of an uncut run.
"""
