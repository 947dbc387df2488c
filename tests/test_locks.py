"""What the Makefile installs: all that is asked for, in the versions of the constraints, known by its hashes."""

import re
from collections import defaultdict

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = {
    "build": "constraints.txt",
    "minilm": "constraints.txt",
    "mpnet": "constraints.txt",
    "rasa": "constraints.txt",
    "rasa-pro": "constraints-pro.txt",
}
PACKAGE = re.compile(r"^([\w.-]+)==([^\s;]+)(.*(?:\n    .*)*)$", re.M)


def packages(file):
    """The versions of each package in a lock or in constraints, and what follows each version."""
    found = defaultdict(dict)
    for package, version, rest in PACKAGE.findall(file.read_text(encoding="utf-8")):
        found[canonicalize_name(package)][version] = rest
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_the_version_of_the_constraints(root, name):
    locked, constraints = packages(root / "locks" / f"{name}.txt"), packages(root / LOCKS[name])
    assert locked
    for package, versions in locked.items():
        assert all("--hash=sha256:" in rest for rest in versions.values()), package
        assert versions.keys() <= constraints.get(package, versions).keys(), package


@pytest.mark.parametrize(
    ("name", "python", "extras"), [("rasa", "3.10", ("rasa", "train", "dev", "docs")), ("rasa-pro", "3.12", ("pro",))]
)
def test_what_is_asked_for_is_locked_in_a_version_that_fits(root, name, python, extras):
    locked = packages(root / "locks" / f"{name}.txt")
    project = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    for requirement in map(Requirement, asked):
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            versions = locked[canonicalize_name(requirement.name)]
            assert versions and all(version in requirement.specifier for version in versions), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_the_makefile_installs_each_lock(root, name):
    assert f"-r locks/{name}.txt" in (root / "Makefile").read_text(encoding="utf-8")
