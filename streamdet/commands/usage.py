"""The parser of the command line: an unknown word is answered with the one that was meant."""

from __future__ import annotations

from argparse import Action, ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from textwrap import fill
from typing import Any, Final, NoReturn

from streamdet.config.suggestions import closest, nearest
from streamdet.system.redaction import short

OF_NODES: Final = {
    "--model": "detect.model=NAME",
    "--classes": "detect.classes=[person,car]",
    "--score-thresh": "detect.score_thresh=0.5",
    "--conf": "detect.score_thresh=0.5",
    "--iou-thresh": "detect.iou_thresh=0.5",
    "--runtime": "detect.runtime=onnxruntime",
    "--precision": "detect.precision=fp32",
    "--batch": "detect.batch=4",
    "--replicas": "detect.replicas=2",
    "--threads": "detect.threads=1",
    "--scales": "detect.scales=[1,2]",
    "--fps": "camera.fps=5",
    "--tracker": "track.kind=byte_track",
}
"""Options that other programs have and that are options of a node here -> the form of `--set`."""

EXAMPLES: Final = {
    "run": "streamdet run people --source street.mp4 --output boxes.mp4",
    "archive": "streamdet archive people --source 'videos/*.mp4' --output results",
    "serve": "streamdet serve people --source rtsp://10.0.0.7/1",
    "status": "streamdet status",
    "camera": "streamdet camera add yard rtsp://10.0.0.8/stream1 --set fps=5",
    "apply": "streamdet apply yard.yaml --plan",
    "tail": "streamdet tail detections --redis redis://localhost:6379",
    "search": "streamdet search yard.records --class person --zone door --from -2h",
    "record": "streamdet record --stage detect --images --frames 100 -o bug.sdrec",
    "replay": "streamdet replay bug.sdrec people --output boxes.jsonl",
    "track": "streamdet track det.txt --output tracks.txt",
    "check": "streamdet check pipelines/people.yaml",
    "graph": "streamdet graph pipelines/people.yaml",
    "kinds": "streamdet kinds byte_track",
    "models": "streamdet models list",
    "inspect": "streamdet inspect backbone:alexnet",
    "schema": "streamdet schema message",
    "redis-acl": "streamdet redis-acl people --role reader",
    "eval": "streamdet eval model people --truth labels.json --images images/",
    "label": "streamdet label yard.mp4 --output seen --classes person,car",
    "train": "streamdet train yolox --truth labels.json --images img/ --classes gate",
    "chaos": "streamdet chaos people --source street.mp4 --for 5m",
    "doctor": "streamdet doctor",
    "bench": "streamdet bench pipeline limit",
}
"""Command -> a command line that works as it is, given the files that it names."""


def with_example(text: str | None, example: str) -> str:
    """Put an example behind what is said below the options of a command."""
    return f"{fill(text, 80)}\n\nExample:\n  {example}" if text else f"Example:\n  {example}"


class Parser(ArgumentParser):
    """An ArgumentParser that answers an unknown word or option with the one that was meant."""

    def _check_value(self, action: Action, value: Any) -> None:
        """Refuse what is no choice, as argparse does, but name what was meant."""
        if action.choices is None or value in action.choices:
            return
        what = "command" if action.dest == "command" else action.metavar or action.dest
        hint = nearest(str(value), map(str, action.choices))
        raise ArgumentError(action, f"unknown {str(what).lower()} {short(repr(value))}; {hint}")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        """Parse; what is left over is refused here, by the parser that knows the valid options."""
        parsed, left = super().parse_known_args(args, namespace)
        unknown = [word for word in left if word.startswith("--")]
        if unknown and self.prog.count(" "):
            self._refuse(unknown[0].partition("=")[0])
        return parsed, left

    def error(self, message: str) -> NoReturn:
        """Say what is wrong; of an option without a value, how one that begins with - is given."""
        option, _, problem = message.removeprefix("argument ").partition(": ")
        if problem == "expected one argument":
            message += f"; a value that begins with - is written {option.split('/')[-1]}=-VALUE"
        super().error(message)

    def _refuse(self, option: str) -> NoReturn:
        own = {name for action in self._actions for name in action.option_strings}
        hints = []
        if "--set" in own and option in OF_NODES:
            hints.append(f"it is an option of a node: --set {OF_NODES[option]}")
        elif near := closest(option, own):
            hints.append(f"did you mean {near}?")
        else:
            hints.append(f"{self.prog} --help lists the options")
        self.error(f"unknown option {short(option)}: {'; '.join(hints)}")
