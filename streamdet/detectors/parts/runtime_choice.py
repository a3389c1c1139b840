"""Chooses the runtime and the precision of a detector's network, by measuring what is left open."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import ConfigError, EngineError
from streamdet.models.input_size import hw_text
from streamdet.models.measured_choice import (
    Candidate,
    ChoiceKey,
    Speed,
    Table,
    fastest,
    keep,
    measuring_alone,
    read_kept,
    table_text,
)
from streamdet.models.model_config import ModelConfig, Precision
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.cpu import cpu_model, flags_digest
from streamdet.runtimes.installed import (
    how_to_install,
    is_installed,
    package_version,
    runtime_kind,
)
from streamdet.runtimes.measuring import BUDGET_S, Subject, measure
from streamdet.system.cache import cache_warning
from streamdet.system.cores import cores


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """What runs a network.

    Attributes:
        candidate: the runtime and its precision.
        threads: of each process.
        table: what was measured; {} where there was nothing to choose.
        warning: why the table is not kept, or not for long, in a sentence; "" where it is.
    """

    candidate: Candidate
    threads: int
    table: Table
    warning: str = ""

    @property
    def options(self) -> RuntimeOptions:
        """How the runtime computes."""
        return RuntimeOptions(precision=self.candidate.precision, threads=self.threads)

    @property
    def note(self) -> str:
        """What the report says behind the runtime's name, e.g. ` (measured: openvino fp32 9/s)`."""
        return f" (measured: {table_text(self.table)})" if self.table else ""


def candidates(options: NetworkOptions, model: ModelConfig) -> tuple[Candidate, ...]:
    """List what the options and the model's configuration allow on this machine, one at least.

    Raises:
        EngineError: `runtime` is "auto" and none of the model's runtimes is installed.
        ConfigError: a runtime is a plugin that cannot be imported, or int8 is wanted of any.
    """
    kinds: list[str] = [options.runtime]
    if options.runtime == "auto" and options.precision == "int8":
        raise ConfigError(
            f"precision int8 of model {model.name!r} wants a runtime beside it,"
            f" {' or '.join(model.runtimes)}: each has a file of its own"
        )
    if options.runtime == "auto":
        kinds = [name for name in model.runtimes if is_installed(name)]
        if not kinds:
            raise EngineError(
                f"no runtime of model {model.name!r} is installed:"
                f" {how_to_install(*model.runtimes)}"
            )
    stated = [one for kind in kinds for one in _of_runtime(kind, options.precision, model)]
    able = [one for one in stated if one.precision in runtime_kind(one.runtime).precisions()]
    return tuple(able or stated[:1])  # the runtime itself says that it cannot


def _of_runtime(kind: str, wanted: Precision | None, model: ModelConfig) -> Iterator[Candidate]:
    precision = wanted
    if precision in (None, "auto"):
        precision = model.runtimes[kind].precision if kind in model.runtimes else "fp32"
    if precision == "auto":
        yield Candidate(kind, "fp32")
        yield Candidate(kind, "bf16")
    elif precision is not None:
        yield Candidate(kind, precision)


def choose_runtime(
    options: NetworkOptions,
    model: ModelConfig,
    network: Path,
    processes: int = 1,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    is_measured: bool = False,
) -> RuntimeChoice:
    """Choose what runs a network; measures if there is a choice that has not been measured here.

    Args:
        options: what the user left open.
        model: what the network can stand.
        network: its file.
        processes: how many will run it at once.
        is_cancelled: asked now and then whether nobody wants the choice any more; then it is
            the first candidate.
        is_measured: measure even where there is no choice, because the speed is wanted.

    Raises:
        EngineError: no runtime is installed, or each one failed.
    """
    allowed = candidates(options, model)
    if len(allowed) == 1 and not is_measured:
        return RuntimeChoice(allowed[0], options.threads, {})
    assert model.input is not None
    subject = Subject(network, model.input, options.threads, processes)
    key = choice_key(allowed, subject)
    choice = _kept(options, model, key, allowed)
    if choice is not None:
        return choice
    with measuring_alone(is_cancelled):
        choice = _kept(options, model, key, allowed)  # by who was measuring meanwhile
        if choice is not None:
            return choice
        return _measured(options, model, subject, BUDGET_S, is_cancelled)


def measure_again(
    options: NetworkOptions,
    model: ModelConfig,
    network: Path,
    processes: int = 1,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    budget_s: float = BUDGET_S,
) -> RuntimeChoice:
    """Measure, whatever is kept, and keep the result; see `choose_runtime`.

    Raises:
        EngineError: no runtime is installed, or each one failed.
    """
    assert model.input is not None
    subject = Subject(network, model.input, options.threads, processes)
    with measuring_alone(is_cancelled):
        return _measured(options, model, subject, budget_s, is_cancelled)


def _measured(
    options: NetworkOptions,
    model: ModelConfig,
    subject: Subject,
    budget_s: float,
    is_cancelled: Callable[[], bool],
) -> RuntimeChoice:
    """Measure and keep."""
    allowed = candidates(options, model)
    table = measure(subject, allowed, budget_s=budget_s, is_cancelled=is_cancelled)
    if is_cancelled():
        return RuntimeChoice(allowed[0], options.threads, {})
    choice = _chosen(options, model, table)
    key = choice_key(allowed, subject)
    try:
        keep(key, read_kept(key) | table)
    except EngineError as exc:
        warning = (
            f"the runtime of model {model.name} is measured again at each start, because what was"
            f" measured cannot be kept: {exc}"
        )
        return replace(choice, warning=warning)
    return replace(choice, warning=cache_warning())


def _kept(
    options: NetworkOptions, model: ModelConfig, key: ChoiceKey, allowed: tuple[Candidate, ...]
) -> RuntimeChoice | None:
    """The choice by what is kept; None where that does not cover all candidates."""
    kept = read_kept(key)
    if not set(allowed) <= set(kept):
        return None
    return _chosen(options, model, {one: kept[one] for one in allowed})


def choice_key(allowed: tuple[Candidate, ...], subject: Subject) -> ChoiceKey:
    """Say what a measurement on this machine holds for."""
    return ChoiceKey(
        network_sha256=hashlib.sha256(subject.network.read_bytes()).hexdigest(),
        cpu=cpu_model(),
        cpu_flags=flags_digest(),
        cores=cores(),
        processes=subject.processes,
        threads=subject.threads,
        versions={kind: package_version(kind) for kind in sorted({one.runtime for one in allowed})},
        image=hw_text(subject.image_input.hw),
    )


def _chosen(
    options: NetworkOptions, model: ModelConfig, table: dict[Candidate, Speed]
) -> RuntimeChoice:
    best = fastest(table)
    if best is None:
        raise EngineError(f"no runtime can run model {model.name!r}: {table_text(table)}")
    return RuntimeChoice(best, options.threads, table)
