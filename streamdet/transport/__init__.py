"""How stages are joined: control in a bus (Redis Streams), pixels in a pool (shared memory).

`bus.py` and `pool.py` say what a bus and a pool promise; `redis_bus.py` with `step.lua` and
`shm_pool.py` are the real ones, `memory_bus.py` and `memory_pool.py` keep the same promises inside
one process, for unit tests.
"""
