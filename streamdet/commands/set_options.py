"""`--set OPTION=VALUE` of the commands that run one kind: its options, as a YAML file has them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Collection, Sequence

from streamdet.config.overrides import put, split_set
from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError


def add_set_argument(parser: ArgumentParser, example: str) -> None:
    """Add --set; `example` is an OPTION=VALUE for its help."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help=f"change an option, e.g. {example}; may be repeated",
    )


def options_text(entries: Sequence[str], groups: Collection[str] = ()) -> YamlText:
    """Parse the values of --set.

    Args:
        entries: as they were typed.
        groups: options that hold options: --set GROUP.OPTION=VALUE.

    Raises:
        ConfigError: one of them is not OPTION=VALUE.
    """
    text = YamlText("--set", values={})
    for entry in entries:
        (*nodes, option), value, place = split_set(entry, "OPTION=VALUE")
        if nodes and nodes[0] not in groups:
            prefix = ".".join(nodes) + "."
            raise ConfigError(f"{place}: here without {prefix!r}: --set {option}=...")
        put(text, (*nodes, option), value, place)
    return text
