"""The kinds of every role: role -> name -> "module:Class"; imported when asked for.

A role's own name ("source", "transform", "detector") is not here: it means "choose by what it is
for" and is resolved in graph/ (a source by its uri, a transform by the detector that reads it, a
detector by its model). Each module also has the options model of its class, as the class attribute
`Options`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from streamdet.errors import ConfigError
from streamdet.plugins import Plugin, found

KINDS: Final[dict[str, dict[str, str]]] = {
    "source": {
        "file": "streamdet.sources.file:FileSource",
        "images": "streamdet.sources.images:ImagesSource",
        "live": "streamdet.sources.live:LiveSource",
        "synthetic": "streamdet.sources.synthetic:SyntheticSource",
    },
    "transform": {
        "letterbox": "streamdet.transforms.letterbox:Letterbox",
        "shortest_edge": "streamdet.transforms.shortest_edge:ShortestEdge",
        "stretch": "streamdet.transforms.stretch:Stretch",
    },
    "detector": {
        "hog_svm": "streamdet.detectors.hog_svm:HogSvm",
        "dpm": "streamdet.detectors.dpm:Dpm",
        "bow_spm": "streamdet.detectors.bow_spm:BowSpm",
        "rcnn": "streamdet.detectors.rcnn:Rcnn",
        "sppnet": "streamdet.detectors.with_proposals:WithProposals",
        "fast_rcnn": "streamdet.detectors.with_proposals:WithProposals",
        "rpn": "streamdet.detectors.end_to_end:EndToEnd",
        "faster_rcnn": "streamdet.detectors.end_to_end:EndToEnd",
        "mask_rcnn": "streamdet.detectors.end_to_end:EndToEnd",
        "yolo": "streamdet.detectors.yolo_v1:YoloV1",
        "localizer": "streamdet.detectors.end_to_end:EndToEnd",
        "overfeat": "streamdet.detectors.overfeat:OverFeat",
        "yolox": "streamdet.detectors.yolox:Yolox",
        "nanodet": "streamdet.detectors.gfl:Gfl",
        "picodet": "streamdet.detectors.gfl:Gfl",
        "yolov5": "streamdet.detectors.ultralytics:Ultralytics",
        "yolov8": "streamdet.detectors.ultralytics:Ultralytics",
        "yolov10": "streamdet.detectors.ultralytics:Ultralytics",
    },
    "tracker": {
        "sort": "streamdet.trackers.sort:Sort",
        "byte_track": "streamdet.trackers.byte_track:ByteTrack",
        "oc_sort": "streamdet.trackers.oc_sort:OcSort",
        "bot_sort": "streamdet.trackers.bot_sort:BotSort",
    },
    "analytics": {
        "zones": "streamdet.analytics.zones:Zones",
        "lines": "streamdet.analytics.lines:Lines",
        "presence": "streamdet.analytics.presence:Presence",
        "speed": "streamdet.analytics.speed:Speed",
        "tracks": "streamdet.analytics.tracks:Tracks",
        "classify": "streamdet.analytics.classify:Classify",
        "crop": "streamdet.analytics.crop:Crops",
        "embed": "streamdet.analytics.embed:Embed",
    },
    "sink": {
        "redis_stream": "streamdet.sinks.redis_stream:RedisStreamSink",
        "jsonl": "streamdet.sinks.jsonl:JsonlSink",
        "csv": "streamdet.sinks.csv:CsvSink",
        "parquet": "streamdet.sinks.parquet:ParquetSink",
        "mot": "streamdet.sinks.mot:MotSink",
        "mots": "streamdet.sinks.mots:MotsSink",
        "coco": "streamdet.sinks.coco:CocoSink",
        "heatmap": "streamdet.sinks.heatmap:HeatmapSink",
        "event_file": "streamdet.sinks.event_file:EventFileSink",
        "webhook": "streamdet.sinks.webhook:WebhookSink",
        "mqtt": "streamdet.sinks.mqtt:MqttSink",
        "kafka": "streamdet.sinks.kafka:KafkaSink",
        "video": "streamdet.sinks.video:VideoSink",
        "clip": "streamdet.sinks.clip:ClipSink",
        "snapshot": "streamdet.sinks.snapshot:SnapshotSink",
        "records": "streamdet.sinks.records:RecordsSink",
    },
    "runtime": {
        "onnxruntime": "streamdet.runtimes.onnxruntime:OnnxRuntime",
        "openvino": "streamdet.runtimes.openvino:OpenVino",
        "tensorrt": "streamdet.runtimes.tensorrt.runtime:TensorRt",
        "torch": "streamdet.runtimes.gpu.torch_runtime:TorchRuntime",
    },
    "pool": {
        "shm": "streamdet.transport.shm_pool:ShmPool",
    },
    "device_pool": {
        "cuda": "streamdet.transport.cuda_pool:CudaPool",
    },
    "pixel_format": {
        "bgr24": "streamdet.image:BGR24",
    },
}


_INTERNAL: Final[dict[str, dict[str, str]]] = {
    "sink": {
        "caller": "streamdet.sinks.caller:CallerSink",
        "segments": "streamdet.sinks.segments:SegmentsSink",
    },
}
"""Kinds that our own code adds to a graph and that no list shows."""


NETWORKS: Final[dict[str, str]] = {
    "rcnn": "streamdet.networks.region_cnn:RegionCnn",
    "sppnet": "streamdet.networks.sppnet:SppNet",
    "fast_rcnn": "streamdet.networks.fast_rcnn:FastRcnn",
    "rpn": "streamdet.networks.rpn:Rpn",
    "faster_rcnn": "streamdet.networks.faster_rcnn:FasterRcnn",
    "mask_rcnn": "streamdet.networks.mask_rcnn:MaskRcnn",
    "yolox": "streamdet.networks.yolox:YoloxNetwork",
    "picodet": "streamdet.networks.picodet:PicoDetNetwork",
    "yolo": "streamdet.networks.yolo_v1:YoloV1Network",
    "localizer": "streamdet.networks.localizer:Localizer",
    "overfeat": "streamdet.networks.overfeat:OverFeatNetwork",
}
"""The torch side of detectors: kind of detector -> "module:Class" of its network, see networks/."""


WITHOUT_NETWORK: Final = frozenset({"hog_svm", "dpm", "bow_spm"})
"""Kinds of detectors that run no network, so that their models have no `input`."""


WITH_MASKS: Final = frozenset({"mask_rcnn"})
"""Kinds of detectors of ours whose models may say which pixels belong to an object."""


OBJECTIVES: Final[dict[str, str]] = {
    "rcnn": "streamdet.training.objectives.rcnn:RcnnObjective",
    "sppnet": "streamdet.training.objectives.given_proposals:GivenProposalsObjective",
    "fast_rcnn": "streamdet.training.objectives.given_proposals:GivenProposalsObjective",
    "rpn": "streamdet.training.objectives.region_proposals:RpnObjective",
    "faster_rcnn": "streamdet.training.objectives.faster_rcnn:FasterRcnnObjective",
    "mask_rcnn": "streamdet.training.objectives.mask_rcnn:MaskRcnnObjective",
    "yolox": "streamdet.training.objectives.yolox:YoloxObjective",
    "picodet": "streamdet.training.objectives.picodet:PicoDetObjective",
    "yolo": "streamdet.training.objectives.yolo_v1:YoloV1Objective",
    "localizer": "streamdet.training.objectives.localizer:LocalizerObjective",
    "overfeat": "streamdet.training.objectives.overfeat:OverFeatObjective",
}
"""What networks are fitted to: kind of detector -> "module:Class", see training/objectives."""

FITTINGS: Final[dict[str, tuple[str, str]]] = {
    "bow_spm": (
        "streamdet.training.svm.bow_recipe:BowRecipe",
        "streamdet.training.svm.bow_fit:BowSpmFit",
    ),
    "hog_svm": (
        "streamdet.training.svm.hog_recipe:HogRecipe",
        "streamdet.training.svm.hog_fit:HogSvmFit",
    ),
    "region_svms": (
        "streamdet.training.svm.region_recipe:RegionSvmRecipe",
        "streamdet.training.svm.region_fit:RegionSvmFit",
    ),
}
"""What a recipe may name with `fit:` -> "module:Class" of the rest of the recipe, and of what fits;
see training/svm."""


def role_of(kind: str) -> str | None:
    """Name the role of a kind (kinds are unique across roles); None for an unknown one.

    Raises:
        ConfigError: several packages have a kind of that name.
    """
    built_in = [
        role for role, kinds in KINDS.items() if kind in kinds or kind in _INTERNAL.get(role, {})
    ]
    plugins = [(role, plugin) for role in KINDS for plugin in _plugins(role, kind)]
    owners = ["streamdet"] * len(built_in) + [plugin.package for _, plugin in plugins]
    if len(owners) > 1:
        raise ConfigError(f"kind {kind!r} is in several packages: {', '.join(owners)}; remove one")
    return next(iter([*built_in, *(role for role, _ in plugins)]), None)


def names(role: str) -> list[str]:
    """List the kinds of a role: the built-in ones, then those of plugins."""
    return list(dict.fromkeys([*KINDS[role], *(p.entry_point.name for p in found(_group(role)))]))


def load(role: str, kind: str) -> Any:
    """Import the class of a kind.

    Raises:
        KeyError: there is no such role or kind.
        ConfigError: it is a plugin that cannot be imported, or lacks what its role asks for.
    """
    if place := _INTERNAL.get(role, {}).get(kind) or KINDS[role].get(kind):
        return _imported(place)
    for plugin in _plugins(role, kind):
        return plugin.load(role)
    raise KeyError(kind)


def package_of(role: str, kind: str) -> str:
    """Name the package that has a kind."""
    return next((plugin.package for plugin in _plugins(role, kind)), "streamdet")


def _group(role: str) -> str:
    return f"streamdet.{role.removesuffix('s')}s"


def _plugins(role: str, kind: str) -> list[Plugin]:
    return [plugin for plugin in found(_group(role)) if plugin.entry_point.name == kind]


def load_network(kind: str) -> Any:
    """Import the network of a kind of detector; imports torch.

    Raises:
        KeyError: that kind has no network of ours.
    """
    return _imported(NETWORKS[kind])


def load_objective(kind: str) -> Any:
    """Import what the network of a kind of detector is fitted to; imports torch.

    Raises:
        KeyError: that kind is not trained so.
    """
    return _imported(OBJECTIVES[kind])


def load_fit_recipe(kind: str) -> Any:
    """Import what a recipe that names this with `fit:` may say.

    Raises:
        KeyError: there is none of that name.
    """
    return _imported(FITTINGS[kind][0])


def load_fitting(kind: str) -> Any:
    """Import what a recipe names with `fit:`.

    Raises:
        KeyError: there is none of that name.
    """
    return _imported(FITTINGS[kind][1])


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
