"""How stages are joined: control in a bus (Redis Streams), pixels in a pool (shared memory).

`bus.py` says what a bus promises; `redis_bus.py` with `step.lua` is the real one, `memory_bus.py`
keeps the same promises inside one process, for unit tests. `pool.py` says what a pool promises,
`shm_pool.py` is the one in shared memory.
"""
