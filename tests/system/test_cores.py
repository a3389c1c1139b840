"""Cores are those of the affinity, and no more than a container's quota."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.system.cores import cores

V2, V1 = "0::/app\n", "7:memory:/app\n4:cpu,cpuacct:/app\n"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))


def machine(root: Path, cgroup: str, **files: str) -> Path:
    """Write what the kernel shows; `__` stands for a slash, `_dot_` for a dot."""
    for name, text in {"proc__self__cgroup": cgroup, **files}.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_cgroups_the_affinity_counts(tmp_path: Path) -> None:
    assert cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("quota", "count"), [("max", 8), ("200000", 2), ("150000", 2), ("5000", 1), ("6400000", 8)]
)
def test_a_quota_of_a_cgroup_is_heeded(tmp_path: Path, quota: str, count: int) -> None:
    text = f"{quota} 100000\n"
    assert cores(machine(tmp_path, V2, sys__fs__cgroup__app__cpu_dot_max=text)) == count


def test_a_container_sees_its_own_cgroup_as_the_topmost(tmp_path: Path) -> None:
    assert cores(machine(tmp_path, V2, sys__fs__cgroup__cpu_dot_max="300000 100000\n")) == 3


@pytest.mark.parametrize(("quota", "count"), [("-1", 8), ("400000", 4)])
def test_a_quota_of_the_first_version_is_heeded(tmp_path: Path, quota: str, count: int) -> None:
    root = machine(
        tmp_path,
        V1,
        sys__fs__cgroup__cpu__cpu_dot_cfs_quota_us=f"{quota}\n",
        sys__fs__cgroup__cpu__cpu_dot_cfs_period_us="100000\n",
    )
    assert cores(root) == count
