"""`streamdet train RECIPE`: fit a detector to labelled images."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamdet.commands import trained_model
from streamdet.commands.counted_stops import counted_stops
from streamdet.commands.fit import fit
from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.evaluation.extra import check_extra
from streamdet.models.model_config import load_model_config
from streamdet.system.stop_signals import INTERRUPTED
from streamdet.training.recipe import Recipe, check_recipe
from streamdet.training.recipe_file import find_recipe, read_recipe, use_images

if TYPE_CHECKING:
    from streamdet.training.parallel import Job
    from streamdet.training.prepare import PreparedTraining

_MOST_FAULTS: Final = 5


def add_arguments(parser: ArgumentParser) -> None:
    """Add the recipe and what may be changed in it."""
    parser.add_argument(
        "recipe",
        type=Path,
        metavar="RECIPE",
        help="name in configs/recipes, or path of a .yaml file; `streamdet kinds recipe` lists its"
        " keys",
    )
    parser.add_argument(
        "--truth",
        metavar="TRUTH",
        help="labels to learn from in place of those of a recipe with one source: COCO's .json, a"
        " folder of VOC's .xml or of YOLO's .txt",
    )
    parser.add_argument("--images", metavar="DIR", help="their images")
    parser.add_argument("--classes", metavar="NAME,...", help="what to learn of them")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the results (default: trained/NAME)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in the output folder"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the recipe, e.g. optimiser.rate=0.01; may be repeated",
    )


def run(args: Namespace) -> int:
    """Train; a stop signal leaves a checkpoint.

    Raises:
        ConfigError: the recipe, a label or a file of weights is wrong, or what measures is missing.
        EngineError: torch is missing, or the training cannot go on.
    """
    args.recipe = find_recipe(args.recipe)
    text = read_recipe(args.recipe, args.set)
    use_images(text, args.truth, args.images, args.classes)
    if "fit" in text.values:
        if args.resume:
            raise ConfigError("--resume goes with training by steps: a fitting begins anew")
        fit(text, args.recipe, args.output)
        return 0
    return _train_by_steps(args, text)


def _train_by_steps(args: Namespace, text: YamlText) -> int:
    recipe = check_recipe(text, args.recipe)
    try:
        from streamdet.training.parallel import Job, count_processes
        from streamdet.training.prepare import prepare, reproducible
    except ModuleNotFoundError as exc:
        extras = to_install("networks,evaluation")
        raise EngineError(f"{exc.name} is not installed: {extras}") from exc
    check_extra()
    folder = _output_folder(args, recipe)
    print(f"{recipe.name}: reading labels and weights", flush=True)
    with reproducible(recipe):
        job = Job(recipe, text, folder, resumes=args.resume)
        with trained_model.begun(folder, recipe.name, goes_on=args.resume):
            prepared = prepare(recipe, text, folder, resumes=args.resume)
            processes = count_processes(recipe, prepared.loop.image_count)
        _tell(prepared, processes)
        is_done = _train(prepared, job, processes)
    if not is_done:
        print(_stopped(args, prepared), file=sys.stderr)
        return INTERRUPTED
    _warn_if_worse(prepared, folder)
    _finish(prepared, folder)
    return 0


def _output_folder(args: Namespace, recipe: Recipe) -> Path:
    from streamdet.training.checkpoint import CHECKPOINT

    folder: Path = args.output or Path("trained") / recipe.name
    if not args.resume and (folder / CHECKPOINT).exists():
        raise ConfigError(
            f"{folder} holds a training: --resume goes on with it, another --output begins anew"
        )
    return folder


def _tell(prepared: PreparedTraining, processes: int) -> None:
    """Say what is going to be done."""
    for sentence in prepared.told:
        print(sentence)
    if prepared.faults:
        print(f"{len(prepared.faults)} wrong labels are left out:")
        for sentence in prepared.faults[:_MOST_FAULTS]:
            print(f"  {sentence}")
    loop = prepared.loop
    print(
        f"{prepared.model.name}: {prepared.model.detector}, {', '.join(prepared.model.classes)};"
        f" {loop.image_count} images, {loop.per_epoch} steps an epoch, {loop.steps} in all,"
        f" on {loop.device}{f', {processes} processes' if processes > 1 else ''}",
        flush=True,
    )


def _train(prepared: PreparedTraining, job: Job, processes: int) -> bool:
    """Run the loop; returns whether it came to its end."""
    from streamdet.commands.training_view import training_view
    from streamdet.training.callbacks import KeepBest
    from streamdet.training.log import Log
    from streamdet.training.parallel import train_together

    loop = prepared.loop
    log = Log(job.folder, loop.step, loop.measured)
    with counted_stops("step") as stops:
        keeper = KeepBest(prepared, job.recipe, job.folder, lambda: bool(stops))
        events = (
            loop.run(keeper)
            if processes == 1
            else train_together(job, loop, processes, keeper.wants_stop)
        )
        with training_view(sys.stdout, loop.step, loop.steps, job.recipe.epochs) as view:
            for event in events:
                log.write(event)
                view.show(event)
    return loop.is_done


def _stopped(args: Namespace, prepared: PreparedTraining) -> str:
    words = ["streamdet", "train", str(args.recipe), "--resume"]
    for option in ("truth", "images", "classes", "output"):
        if stated := getattr(args, option):
            words += [f"--{option}", str(stated)]
    for entry in args.set:
        words += ["--set", entry]
    loop = prepared.loop
    return f"stopped after step {loop.step} of {loop.steps}; to go on: {shlex.join(words)}"


def _warn_if_worse(prepared: PreparedTraining, folder: Path) -> None:
    from streamdet.commands.training_view import worse_than_start
    from streamdet.training.log import baseline
    from streamdet.training.loop import METRIC

    start = baseline(folder)
    if start and (sentence := worse_than_start(METRIC, start[METRIC], prepared.loop.best)):
        print(f"warning: {sentence}", file=sys.stderr, flush=True)


def _finish(prepared: PreparedTraining, folder: Path) -> None:
    """Build what came out, measure it as it will run, and say where it is."""
    from streamdet.building.build import build
    from streamdet.training.log import draw_curves

    config = str(folder / f"{prepared.model.name}.yaml")
    print(f"building {folder / prepared.model.name}.onnx", flush=True)
    build(config, folder)
    trained_model.measure(load_model_config(config), prepared.validation, prepared.options)
    print(f"{draw_curves(folder)}: losses and metrics over the steps")
    trained_model.name(Path(config))
