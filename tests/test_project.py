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
from prepack_lab.course.lessons import LESSONS
from prepack_lab.doctor import TESTED
from prepack_lab.models.embedded_model import WHEEL

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
ENVIRONMENT = (ROOT / "environment.yml").read_text()
README = (ROOT / "README.md").read_text()
PINS = [Requirement(line) for line in LOCK.splitlines() if line and not line.startswith("#")]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = [
    need
    for needs in (PROJECT["dependencies"], *(EXTRAS[extra] for extra in ("lab", "lm-eval", "dev")))
    for need in needs
    if not need.startswith("prepack-lab[")
]


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
    assert f"pip install --no-deps {WHEEL}" in (ROOT / "postBuild").read_text()


def test_the_readme_names_the_wheel_and_every_lesson():
    assert f"pip install --no-deps {WHEEL}" in README
    for number, lesson in enumerate(LESSONS):
        assert f"| {number:02} | " in README
        assert f"{lesson.title}" in README
        assert f"{lesson.question} | {lesson.minutes} |" in README


def test_importing_the_package_loads_neither_torch_nor_plotly():
    code = "import sys, prepack_lab; print({'torch', 'transformers', 'plotly'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


@pytest.mark.long
def test_a_widget_that_needs_no_model_loads_none_and_ends_in_silence():
    code = """
import sys, prepack_lab as lab
widget = lab.widgets.PaddingExplorer([3, 5])
print({"torch", "transformers"} & sys.modules.keys(), widget.batch())"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("set() [3, 5]\n", "")


@pytest.mark.parametrize("room", [lab, lab.figures, lab.widgets], ids=lambda room: room.__name__)
def test_every_public_name_loads(room):
    assert len(lab.__all__) <= 30
    for name in room.__all__:
        assert getattr(room, name).__name__.removeprefix("prepack_lab.") == name
    with pytest.raises(AttributeError, match="No prepack_lab attribute nope"):
        lab.nope  # noqa: B018


def picture():
    """The places of the README's picture: "packing" and "packing.methods", from the top down."""
    places, room = [], ""
    for indent, name, ending in re.findall(r"^  (  )?(\w+)(\.py|/) ", README[README.index("\nprepack_lab/\n") :], re.M):
        if indent:
            places.append(f"{room}.{name}")
        else:
            room = name if ending == "/" else ""
            places.append(name)
    return {name: place for place, name in enumerate(places)}


def test_imports_go_up_the_house_never_down():
    """The order is that of the README's picture, of rooms and of files in a room; figures and widgets come late."""
    order, package = picture(), ROOT / "prepack_lab"
    for file in package.rglob("*.py"):
        name = ".".join(file.relative_to(package).with_suffix("").parts[:2])
        room = name.split(".")[0]
        if file.name.startswith("__"):
            continue
        for other in re.findall(r"(?:from|import) prepack_lab\.(\w+(?:\.\w+)?)", file.read_text()):
            above, here = (other, name) if {other, name} <= order.keys() else (other.split(".")[0], room)
            assert order[above] <= order[here], f"{name} imports {other}, which comes after it"


def test_the_picture_shows_every_file_of_the_rooms_that_it_opens():
    order, package = picture(), ROOT / "prepack_lab"
    opened = {name.split(".")[0] for name in order if "." in name}
    there = {f"{room}.{file.stem}" for room in opened for file in (package / room).glob("[!_]*.py")}
    top = {path.stem for path in package.glob("[!_]*") if path.suffix == ".py" or path.is_dir()}
    assert {name for name in order if "." in name} == there
    assert top - {"py"} == {name for name in order if "." not in name} - {"source", "solutions"}


def test_every_room_says_what_it_is():
    for room in (ROOT / "prepack_lab").glob("*/"):
        assert room.name in ("data", "__pycache__") or (room / "__init__.py").read_text().startswith('"""'), room.name
