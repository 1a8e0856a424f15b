"""Where the unpacked model lies, and that a folder which can only be read will do. The model itself is in models/."""

import os
import tempfile
from pathlib import Path

import pytest

from prepack_lab.models import embedded_model
from prepack_lab.models.embedded_model import ModelUnavailableError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of its own, and a folder for temporary files beside it."""
    own = tmp_path / "home" / "cache"
    monkeypatch.delenv("PREPACK_LAB_CACHE", raising=False)
    monkeypatch.setattr(embedded_model, "user_cache_path", lambda *_, **__: own)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    return own


def read_only(monkeypatch):
    """Root may write everywhere, so the question itself is answered with no."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)


def test_the_model_lies_in_the_users_cache_or_where_the_user_says(home, monkeypatch):
    assert embedded_model.cache_folder() == home
    monkeypatch.setenv("PREPACK_LAB_CACHE", "~/elsewhere")
    assert embedded_model.cache_folder() == Path.home() / "elsewhere"


def test_a_home_that_cannot_be_written_is_replaced_by_temporary_files(home, tmp_path, monkeypatch):
    read_only(monkeypatch)
    folder = embedded_model.cache_folder()
    assert folder.parent == tmp_path / "tmp" and folder.name.startswith("prepack_lab-")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("no folder")))
    assert embedded_model.cache_folder() == home


def test_a_model_in_a_folder_that_can_only_be_read_is_used(home, monkeypatch):
    monkeypatch.setattr(embedded_model, "find_weights", lambda: Path("weights.gguf"))
    monkeypatch.setattr(embedded_model, "version", lambda name: "1")
    folder = home / "smollm2-135m-1"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    embedded_model._write_manifest(Path(), folder)
    read_only(monkeypatch)
    monkeypatch.setattr(embedded_model, "FileLock", lambda path: (_ for _ in ()).throw(PermissionError(path)))
    assert embedded_model.unpacked() == folder
    (folder / "config.json").write_text("damaged")
    with pytest.raises(ModelUnavailableError, match=r"can't be kept in .*PREPACK_LAB_CACHE"):
        embedded_model.unpacked()


def test_a_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded_model, "find_weights", lambda: Path("weights.gguf"))
    monkeypatch.setattr(embedded_model, "version", lambda name: "1")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PREPACK_LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelUnavailableError, match=r"can't be kept in .*file/cache: .*PREPACK_LAB_CACHE"):
        embedded_model.unpacked()


def test_a_home_that_may_not_be_looked_into_is_left_alone(home, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "exists", refuse)
    assert embedded_model.cache_folder() != home
