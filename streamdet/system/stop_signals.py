"""The signals that ask a process to stop, and the exit code of a command that was stopped.

cli.py imports this before it handles signals: it imports nothing but `signal`.
"""

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
