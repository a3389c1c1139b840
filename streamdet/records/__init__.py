"""Events and tracks on the disk, one SQLite file a day (UTC), to be searched later.

A file is `YYYY-MM-DD.sqlite` in the folder of the records. Any SQLite program may read it: the
tables `events` and `tracks` and their columns stand in docs/records.md.
"""
