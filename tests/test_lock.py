"""requirements.lock has what pyproject.toml wants, each with hashes; `make lock` writes it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
EXTRAS = ("all", "networks", "dev")
LOCK = (REPOSITORY / "requirements.lock").read_text()


def wanted() -> dict[str, Requirement]:
    """What the extras want, by name, with those that they refer to; torch is not locked."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines, extras = [*project["dependencies"]], [*EXTRAS]
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            requirement = Requirement(line)
            if requirement.name == "streamdet":
                extras += sorted(requirement.extras - {*extras})
            else:
                lines.append(line)
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): each for each in requirements if each.name != "torch"}


def locked() -> dict[str, list[str]]:
    """Name -> the versions of it, which depend on Python and the system."""
    versions: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==([^\s;]+)", LOCK, re.M):
        versions.setdefault(name, []).append(version)
    return versions


@pytest.mark.parametrize("name", sorted(wanted()))
def test_the_lock_has_a_version_that_is_wanted(name: str) -> None:
    versions = locked().get(name, [])
    specifier = wanted()[name].specifier
    assert versions, f"{name} is not in requirements.lock: make lock"
    assert all(specifier.contains(each) for each in versions), f"{name}{specifier}: make lock"


def test_each_package_has_hashes_and_no_host_is_named() -> None:
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.M)[1:]
    assert len(entries) > 100
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK
    assert "torch" not in locked()
