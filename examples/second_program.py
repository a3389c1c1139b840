"""Reads what a run publishes, in a program of its own; start several, and they share the work.

redis-server &
python examples/second_program.py redis://localhost:6379 &
python examples/second_program.py redis://localhost:6379 &
streamdet run people --source street.mp4 --redis redis://localhost:6379

Each message goes to one program of the group. It is acknowledged when the next one is asked for: if
a program dies over a message, another one of its group gets it.
"""

import sys

import streamdet


def main(redis: str, idle_s: float | None = None) -> None:
    """Say in which frames somebody is seen, until nothing has come for `idle_s` seconds."""
    for message in streamdet.read("detections", redis=redis, group="examples", idle_s=idle_s):
        people = [found for found in message.objects if found["label"] == "person"]
        print(message.source_id, message.frame_id, len(people), "people", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else None)
