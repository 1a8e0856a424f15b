"""The files that set the lab up say the same thing, and importing it is cheap."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import prepack_lab as lab
from prepack_lab.doctor import TESTED
from prepack_lab.embedded_model import WHEEL
from prepack_lab.lessons import LESSONS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
ENVIRONMENT = (ROOT / "environment.yml").read_text()
README = (ROOT / "README.md").read_text()
PINS = [Requirement(line) for line in LOCK.splitlines() if line and not line.startswith("#")]
NEEDED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("need", NEEDED)
def test_the_lock_pins_what_the_project_asks_for(need):
    need = Requirement(need)
    versions = [str(pin.specifier).removeprefix("==") for pin in PINS if pin.name == need.name]
    assert versions, f"{need.name} is not in requirements.lock"
    assert all(need.specifier.contains(version) for version in versions)


def test_the_lock_is_exact_and_resolves_from_any_index():
    assert all(re.fullmatch(r"==[\w.+]+", str(pin.specifier)) for pin in PINS)
    assert "://" not in LOCK and "--" not in LOCK


def test_torch_and_the_model_are_the_versions_that_the_code_names():
    assert Requirement("torch==2.13.0") in PINS
    assert re.findall(r"^# without dependencies: (.+)$", LOCK, re.M) == [WHEEL]
    for package, (oldest, newest) in TESTED.items():
        pinned = next(Version(str(pin.specifier)[2:]) for pin in PINS if pin.name == package)
        assert Version(oldest) <= Version(f"{pinned.major}.{pinned.minor}") <= Version(newest)


def test_conda_users_get_the_same_set():
    assert "- -r requirements.lock" in ENVIRONMENT
    assert "- -e ." in ENVIRONMENT
    python = re.search(r"- python=([\d.]+)", ENVIRONMENT)[1]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    others = re.findall(r"^  - (\S+)", ENVIRONMENT, re.M)
    assert others == ["conda-forge", f"python={python}", "pip", "pip:"], "a pin here would be a second truth"
    assert f"pip install --no-deps {WHEEL}" in ENVIRONMENT


def test_the_readme_names_the_wheel_and_every_lesson():
    assert f"pip install --no-deps {WHEEL}" in README
    for number, lesson in enumerate(LESSONS):
        assert f"| {number:02} | " in README
        assert f"{lesson.title}" in README
        assert f"{lesson.question} | {lesson.minutes} |" in README


def test_importing_the_package_loads_neither_torch_nor_plotly():
    code = "import sys, prepack_lab; print({'torch', 'transformers', 'plotly'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_every_public_name_loads():
    for name in lab.__all__:
        assert getattr(lab, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        lab.nope  # noqa: B018


def test_imports_go_up_the_house_never_down():
    """The order is that of the README's picture; figures and widgets come last."""
    listed = re.findall(r"^  (\w+)(?:\.py|/) ", README, re.M)
    order = {name: place for place, name in enumerate(listed)}
    package = ROOT / "prepack_lab"
    for file in package.rglob("*.py"):
        room = file.relative_to(package).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for other in re.findall(r"(?:from|import) prepack_lab\.(\w+)", file.read_text()):
            assert order[other] <= order[room], f"{file.name} imports {other}, which comes after it"
