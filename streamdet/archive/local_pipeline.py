"""Detects segments on this machine, in one run after another."""

from __future__ import annotations

from streamdet.archive.segment_run import SegmentRun
from streamdet.archive.waves import Wave, Waves
from streamdet.config.deploy import DeploySettings


class LocalPipeline:
    """The pipeline of this machine.

    Args:
        settings: of this machine.
    """

    def __init__(self, settings: DeploySettings) -> None:
        self._settings = settings

    def work(self, waves: Waves) -> None:
        """Take waves until no segment waits any more, or the work is stopped.

        Raises:
            StreamdetError: a run cannot be started, or outputs cannot be written.
        """
        while wave := waves.take():
            self._run(waves, wave)

    def _run(self, waves: Waves, wave: Wave) -> None:
        parts, folder = waves.request.parts, waves.folder.segments
        run = SegmentRun(parts, wave.items, wave.stored_hw, self._settings, folder)
        run.under_way = wave.under_way
        run.on_ended = lambda source: waves.settle(wave, source)
        run.on_look = waves.look
        run.on_warning, run.on_note = waves.hooks.warn, waves.note
        waves.on_stop = run.stop
        report = run.run()
        waves.on_stop = lambda: None
        if report.outcome == "failed":
            waves.failed(wave, report.failure or "the run failed")
            return
        waves.hand_back(wave)
        if report.outcome == "stopped" and not waves.is_stopped:
            waves.stop()
