"""`streamdet eval`: how good results, a model or a whole pipeline are against ground truth."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from streamdet.commands import eval_model, eval_pipeline, eval_published, eval_thresholds
from streamdet.commands.graph_arguments import add_graph_arguments, add_machine_arguments
from streamdet.commands.score_text import print_scores
from streamdet.commands.set_options import add_set_argument
from streamdet.errors import ConfigError, EngineError
from streamdet.evaluation.extra import check_extra
from streamdet.evaluation.mot_results import score_mot
from streamdet.evaluation.mots_results import score_mots
from streamdet.evaluation.plots import write_plots
from streamdet.evaluation.results import Kind, read_results
from streamdet.evaluation.scores import Scores, score_results
from streamdet.evaluation.truths.images import read_truth
from streamdet.evaluation.truths.mots import is_mots_truth
from streamdet.system.atomic_file import checked_output, file_key, write_whole

_IMAGES: Final = "COCO's .json, a folder of VOC's .xml or of YOLO's .txt files"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the forms and their arguments."""
    parser.epilog = (
        "COCO's iscrowd regions, VOC's difficult objects and MOT's flag 0 are neither to be found"
        " nor held against what finds them; of the street, objects of which less than a quarter is"
        " to be seen. MOTA counts what lies on a flag 0 as false, as the challenge does."
    )
    forms = parser.add_subparsers(dest="form", metavar="FORM", required=True)
    for form, text in (
        (_add_results, "score results that are there: boxes, masks or keypoints"),
        (_add_model, "run a model over a folder of images and score what it finds"),
        (_add_pipeline, "run a graph on a video and score its boxes, tracks, masks and points"),
    ):
        name = form.__name__.removeprefix("_add_")
        description = f"{text[0].upper()}{text[1:]}."
        one = forms.add_parser(name, help=text, description=description)
        form(one)
        one.add_argument("--json", metavar="OUT.json", help="write every metric; replaced if there")
        one.add_argument("--plots", type=Path, metavar="DIR", help="draw precision over recall")
    published = forms.add_parser("published", help="score the boxes that a run wrote, in a line")
    eval_published.add_arguments(published)
    _add_video_truth(published)
    text = "try a detector's and a tracker's thresholds on videos"
    eval_thresholds.add_arguments(forms.add_parser("thresholds", help=text, description=text))


def run(args: Namespace) -> int:
    """Score, print and write.

    Raises:
        ConfigError: an argument, the truth or the results are wrong.
        EngineError: a model or a pipeline failed, or a file cannot be written.
    """
    if args.form == "published":
        eval_published.run(args)
        return 0
    check_extra()
    if args.form == "thresholds":
        eval_thresholds.run(args)
        return 0
    out = _checked_outputs(args)
    forms = {"results": _results, "model": eval_model.run, "pipeline": eval_pipeline.run}
    scored = forms[args.form](args)
    for scores in scored:
        print_scores(scores, sys.stdout)
    try:
        for scores in scored if args.plots is not None else ():
            paths = write_plots(scores.coco, args.plots, scores.kind)
            print(f"{args.plots}: {len(paths)} images of {scores.kind}")
        if out is not None:
            metrics = {scores.kind: scores.as_dict() for scores in scored}
            write_whole(out, (json.dumps(metrics, indent=2, allow_nan=False) + "\n").encode())
    except OSError as exc:
        raise EngineError(f"{exc.filename}: cannot be written: {exc.strerror}") from exc
    return 0


def _add_results(parser: ArgumentParser) -> None:
    parser.add_argument(
        "results",
        type=Path,
        metavar="RESULTS",
        help="COCO's .json, or MOT's or MOTS's .txt: tracks, too",
    )
    parser.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="TRUTH",
        help=f"{_IMAGES}; MOT's, MOTS's gt.txt",
    )
    parser.add_argument(
        "--type",
        default="bbox",
        choices=("bbox", "segm", "keypoints"),
        help="what is compared (default: %(default)s)",
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="images, for YOLO's labels and unstated sizes"
    )


def _add_model(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="NAME", help="a model's name, or the path of its .yaml")
    parser.add_argument("--truth", type=Path, required=True, metavar="TRUTH", help=_IMAGES)
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="the images")
    parser.add_argument(
        "--classes",
        metavar="A,B",
        help="only these; by default all classes that the model and the truth share",
    )
    parser.add_argument(
        "--results",
        metavar="OUT.json",
        help="write what was found as COCO's results, with the truth's numbers; replaced if there",
    )
    add_set_argument(parser, "iou_thresh=0.65")


def _add_pipeline(parser: ArgumentParser) -> None:
    add_graph_arguments(parser, is_run=True)
    add_machine_arguments(parser)
    _add_video_truth(parser)
    parser.epilog = (
        "example: streamdet eval pipeline people --source street.avi --truth gt.txt; with --set"
        " track.offline=true tracks are scored as `streamdet archive` would make them"
    )


def _add_video_truth(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="TRUTH",
        help="MOTChallenge's .txt (boxes, or MOTS's masks) or COCO's .json; synthetic:street knows"
        " its own",
    )


def _results(args: Namespace) -> list[Scores]:
    kind: Kind = args.type
    paths = (args.results, args.truth)
    are_mot = [path.suffix.lower() == ".txt" and not path.is_dir() for path in paths]
    if any(are_mot):
        return [_text_results(args, all(are_mot))]
    if args.results.suffix.lower() == ".jsonl":
        raise ConfigError(f"{args.results}: what a run wrote is scored by `eval published`")
    truth = read_truth(args.truth, args.images)
    return [score_results(truth, read_results(args.results, truth, kind), kind)]


def _text_results(args: Namespace, are_both_text: bool) -> Scores:
    """Score MOT text against MOT text, by boxes, or MOTS text against MOTS text, by masks."""
    if are_both_text:
        are_masks = [is_mots_truth(path) for path in (args.results, args.truth)]
        if all(are_masks) and args.type in ("bbox", "segm"):  # bbox: nothing was stated
            return score_mots(args.results, args.truth)
        if not any(are_masks) and args.type == "bbox":
            return score_mot(args.results, args.truth)
    raise ConfigError(
        f"{args.results}, --truth {args.truth}: MOT's .txt is scored against MOT's .txt, by"
        " --type bbox, and MOTS's against MOTS's, by --type segm"
    )


def _checked_outputs(args: Namespace) -> Path | None:
    """Check what is to be written; returns where the metrics go."""
    out = None if args.json is None else _checked_out(args, "json")
    if args.form == "model" and args.results is not None:
        args.results = _checked_out(args, "results")
        if out is not None and file_key(out) == file_key(args.results):
            raise ConfigError(f"--results {args.results}: must differ from --json")
    return out


def _checked_out(args: Namespace, option: str) -> Path:
    stated = getattr(args, option)
    try:
        path = checked_output(stated)
    except ConfigError as exc:
        raise ConfigError(f"--{option} {stated}: {exc}") from exc
    inputs = (args.truth, args.results if args.form == "results" else None)
    if file_key(path) in {file_key(each) for each in inputs if each}:
        raise ConfigError(f"--{option} {stated}: must differ from the files that are read")
    return path
