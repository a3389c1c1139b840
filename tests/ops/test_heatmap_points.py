"""Points out of heatmaps are those of the enlarged heatmap's highest pixel."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from streamdet.ops.heatmap_points import heatmap_points


def enlarged_peak(heatmap: Tensor, xyxy: list[float]) -> list[float]:
    """As torchvision's heatmaps_to_keypoints: enlarge to whole pixels, take the highest."""
    width, height = max(xyxy[2] - xyxy[0], 1), max(xyxy[3] - xyxy[1], 1)
    hw = (-int(-height // 1), -int(-width // 1))
    enlarged = functional.interpolate(heatmap[None, None], hw, mode="bicubic")[0, 0]
    row, column = divmod(int(enlarged.argmax()), hw[1])
    x = xyxy[0] + (column + 0.5) * width / hw[1]
    y = xyxy[1] + (row + 0.5) * height / hw[0]
    return [x, y, float(enlarged.max())]


@pytest.mark.parametrize(
    "xyxy",
    [
        [3.2, 5.1, 211.7, 90.4],  # longer than the heatmap twice over
        [0.0, 0.0, 13.0, 13.0],
        [10.0, 20.0, 12.5, 119.9],
        [40.0, 40.0, 40.0, 40.0],  # empty: one pixel
        [0.0, 0.0, 300.0, 200.0],
    ],
)
def test_a_point_is_the_highest_pixel_of_the_enlarged_heatmap(xyxy: list[float]) -> None:
    noise = torch.randn(1, 4, 12, 12, generator=torch.Generator().manual_seed(0))
    smooth = functional.avg_pool2d(noise, 5, stride=1, padding=2)
    points = heatmap_points(smooth, torch.tensor([xyxy]), (200, 300))[0]
    wanted = [enlarged_peak(heatmap, xyxy) for heatmap in smooth[0]]
    torch.testing.assert_close(points, torch.tensor(wanted), rtol=1e-5, atol=1e-3)


def test_a_single_high_cell_is_found_at_its_middle() -> None:
    heatmap = torch.zeros(1, 1, 8, 8)
    heatmap[0, 0, 2, 5] = 1
    [[point]] = heatmap_points(heatmap, torch.tensor([[10.0, 20.0, 18.0, 28.0]]), (64, 64))
    assert point.tolist() == [15.5, 22.5, 1.0]
