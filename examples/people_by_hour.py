"""Counts people who cross lines, by the hour, from the records of runs to a CSV file.

streamdet run zones --output yard.records
python examples/people_by_hour.py yard.records people.csv
"""

import csv
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

CROSSINGS = """
SELECT substr(at, 1, 13), place, json_extract(body, '$.direction'), count(*)
FROM events WHERE event = 'line_crossed' AND label = 'person' GROUP BY 1, 2, 3
"""


def main(folder: str, output: str) -> None:
    """Count the crossings of each hour (UTC) and line."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for day in sorted(Path(folder).glob("*.sqlite")):
        with closing(sqlite3.connect(day)) as records:
            for hour, line, direction, count in records.execute(CROSSINGS):
                counts[f"{hour}:00Z", line, direction] += count
    with Path(output).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("hour", "line", "in", "out"))
        for hour, line in sorted({(hour, line) for hour, line, _ in counts}):
            rows.writerow((hour, line, counts[hour, line, "in"], counts[hour, line, "out"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
