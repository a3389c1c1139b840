"""Three metrics of boxes, worked by hand."""

from streamdet.evaluation.box_metrics import BoxMetrics, box_metrics
from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject

BOX = (0.0, 0.0, 10.0, 10.0)


def truth(*objects: TruthObject) -> Truth:
    return Truth("toy", {1: TruthImage(1, "a", (100, 100))}, {1: "cat", 2: "dog"}, objects)


def cat(left: float, *, is_difficult: bool = False) -> TruthObject:
    return TruthObject(
        image_id=1, category_id=1, xywh=(left, *BOX[1:]), area=100, is_difficult=is_difficult
    )


def found(left: float, score: float) -> Result:
    return Result(1, 1, score, xywh=(left, *BOX[1:]))


def test_recall_precision_and_ap50_of_every_class_with_objects() -> None:
    results = [found(0, 0.9), found(50, 0.8), found(20, 0.7)]  # right, wrong, right
    metrics = box_metrics(truth(cat(0), cat(20), cat(80)), results)
    # Precision 1 up to recall 1/3, then 2/3 up to recall 2/3, then 0.
    assert metrics == [BoxMetrics("cat", 3, 1 / 3 + 2 / 9, 2 / 3, 2 / 3)]


def test_a_difficult_object_counts_neither_way() -> None:
    metrics = box_metrics(truth(cat(0), cat(20, is_difficult=True)), [found(0, 0.9), found(20, 1)])
    assert metrics == [BoxMetrics("cat", 1, 1.0, 1.0, 1.0)]


def test_without_a_box_there_is_no_precision() -> None:
    assert box_metrics(truth(cat(0)), []) == [BoxMetrics("cat", 1, 0.0, 0.0, None)]
    assert box_metrics(truth(), [found(0, 0.9)]) == []
