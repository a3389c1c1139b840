"""The subcommands of `streamdet`: one module each, imported when it is used.

A module has `add_arguments(parser)` and `run(args) -> int`, the exit code; cli.py has the table.
"""
