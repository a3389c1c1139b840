"""One process of a run: reads, computes, commits."""
