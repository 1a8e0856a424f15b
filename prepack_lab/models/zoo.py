"""A small random model of every class of causal language model in transformers: to see which methods are exact for it.

A configuration is made small by setting what many configurations share (`hidden_size`, `n_embd`, `num_experts`, …),
not model by model. Windows and chunks are six tokens, so that a prompt of ten exceeds them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, PreTrainedConfig, PreTrainedModel

from prepack_lab.exactness.support import ModelSupport, check_model
from prepack_lab.measuring.model_sizes import causal_model_class
from prepack_lab.measuring.table import Table

VOCABULARY = 64
WINDOW = 6
LARGEST = 20_000_000
"""Parameters; a configuration that is still larger has sizes under names that are not listed here."""

_SMALL = {
    64: "hidden_size n_embd d_model embedding_size word_embed_proj_dim lru_width mamba_d_ssm",
    48: "intermediate_size n_inner ffn_hidden_size ffn_dim decoder_ffn_dim encoder_ffn_dim d_ff expert_ffn_hidden_size",
    16: "head_dim attention_head_size v_head_dim qk_head_dim q_lora_rank kv_lora_rank moe_intermediate_size "
    "shared_expert_intermediate_size expert_intermediate_size shared_intermediate_size mamba_d_head indexer_head_dim "
    "hidden_size_per_layer_input",
    8: "qk_rope_head_dim qk_nope_head_dim rotary_dim index_head_dim linear_key_head_dim linear_value_head_dim",
    4: "num_attention_heads n_head n_heads num_heads decoder_attention_heads encoder_attention_heads mamba_n_heads "
    "num_experts num_local_experts n_routed_experts moe_num_experts zero_expert_num state_size ssm_state_size "
    "mamba_d_state mamba_d_conv linear_conv_kernel_dim index_topk indexer_budget",
    2: "num_hidden_layers n_layer n_layers num_layers decoder_layers encoder_layers num_blocks num_key_value_heads "
    "num_experts_per_tok moe_topk moe_k index_n_heads linear_num_key_heads linear_num_value_heads attn_layer_period "
    "indexer_n_heads indexer_compress_ratio eos_token_id",
    1: "n_shared_experts n_group topk_group first_k_dense_replace mamba_n_groups n_groups expand mamba_expand "
    "attn_layer_offset num_codebooks indexer_kv_heads bos_token_id",
    0: "pad_token_id num_nextn_predict_layers num_kv_shared_layers num_dense_layers",
    256: "max_position_embeddings n_positions n_ctx max_seq_len",
}
_SIZES: dict[str, Any] = {name: size for size, names in _SMALL.items() for name in names.split()}
_SIZES |= {
    "vocab_size": VOCABULARY,
    "vocab_size_per_layer_input": VOCABULARY,
    "partial_rotary_factor": 0.5,
    "qk_dim_factor": 1.0,
    "clip_qkv": 8.0,
    "is_decoder": True,
    "is_encoder_decoder": False,
    "axial_pos_embds": False,
    "default_language": "en_XX",
    "attention_types": ((("global", "local"), 1),),
    "block_types": ("recurrent", "attention"),
    "attn_layer_indices": [1],
}
_WINDOWS = ("sliding_window", "attention_chunk_size", "window_size", "attention_window_size")

_LENGTHS = (*_WINDOWS, *_SMALL[256].split())
_LEAVE_OUT: tuple[tuple[str, ...], ...] = (
    (),
    ("partial_rotary_factor", "head_dim", "num_key_value_heads"),
    ("head_dim",),
    ("layer_types",),
    ("num_key_value_heads",),
    ("is_decoder", "is_encoder_decoder"),
    ("partial_rotary_factor",),
    ("num_experts_per_tok",),
)
"""Sizes that conflict in some configurations: what to leave out, tried in this order until a model runs."""


def every_class() -> dict[str, type[PreTrainedConfig]]:
    """The name of each causal language model in the installed transformers → the class of its configuration."""
    found: dict[str, type[PreTrainedConfig]] = {}
    for config_class in MODEL_FOR_CAUSAL_LM_MAPPING:
        found.setdefault(causal_model_class(config_class).__name__, config_class)
    return found


def small_model(config_class: type[PreTrainedConfig], own_lengths: bool = False) -> PreTrainedModel:
    """A model of this configuration's class with seeded random weights, on the CPU and in float32.

    Args:
        config_class: one of `every_class`.
        own_lengths: leave windows, positions and other lengths as the configuration has them.

    Raises:
        RuntimeError: no small configuration builds and runs; the message says what went wrong with the last.
    """
    for left_out in _LEAVE_OUT:
        left_out = left_out + _LENGTHS if own_lengths else left_out
        try:
            config = config_class().get_text_config(decoder=True)
            return _build(type(config), _small(config, left_out))
        except Exception as error:  # whatever a configuration or a model objects to
            failure = error
    raise RuntimeError(f"{config_class.__name__}: {type(failure).__name__}: {failure}") from failure


def support_of_every_class() -> Iterator[tuple[str, ModelSupport | str]]:
    """The name of each class and what `check_model` says about a small model of it, or why there is none."""
    for name, config_class in every_class().items():
        try:
            yield name, check_model(small_model(config_class))
        except RuntimeError as error:
            yield name, f"no small model: {str(error).splitlines()[0]}"


def support_table(found: list[tuple[str, ModelSupport | str]], methods: tuple[str, ...]) -> Table:
    """A row per class and a column per method: "exact", or "refused" and why."""

    def row(name: str, support: ModelSupport | str) -> tuple[str, ...]:
        if isinstance(support, str):
            return name, *("–" for _ in [*methods, "decoding"]), support
        obstacles = {method: support.methods[method] for method in methods}
        by_rows = [method for method, obstacle in support.packed_decoding.items() if obstacle is None]
        reasons: dict[str | None, list[str]] = {}
        for method, reason in obstacles.items():
            reasons.setdefault(reason, []).append(method)
        why = "; ".join(f"{', '.join(refused)}: {reason}" for reason, refused in reasons.items() if reason)
        cells = ["refused" if obstacle else "exact" for obstacle in obstacles.values()]
        return name, *cells, ", ".join(by_rows) or "refused", why

    exact = sum(not isinstance(support, str) and support.supported for _, support in found)
    caption = f"{len(found)} classes, {exact} of them exact by a packed method"
    return Table(("model class", *methods, "packed decoding", "why not"), [row(*answer) for answer in found], caption)


def _small(config: PreTrainedConfig, left_out: tuple[str, ...]) -> dict[str, Any]:
    """The sizes of this configuration and of its parts, made small."""
    other_names = type(config).attribute_map
    known = {*inspect.signature(type(config).__init__).parameters, *config.to_dict(), *other_names} - {*left_out}
    aliases = {other_names.get(name) for name in _SIZES}
    small: dict[str, Any] = {k: v for k, v in _SIZES.items() if k in known and k not in aliases - {None, k}}
    small |= {name: WINDOW for name in _WINDOWS if getattr(config, name, None) and name not in left_out}
    if "kv_lora_rank" in small:  # latent attention: each head has its own keys, which are rotated in part
        small |= {"num_key_value_heads": small["num_attention_heads"], "head_dim": small["qk_rope_head_dim"]}
    for name in config.sub_configs:
        if isinstance(part := getattr(config, name, None), PreTrainedConfig):
            small[name] = type(part)(**_small(part, left_out) | {"rope_theta": 10_000.0})
    return small | (_small_layers(config) if "layer_types" in known else {})


def _small_layers(config: PreTrainedConfig) -> dict[str, Any]:
    """Two layers of each kind that the configuration names. If layers can share keys, the second half does."""
    name = type(config).attribute_map.get("layer_types", "layer_types")
    if isinstance(inspect.getattr_static(type(config), name, None), property):
        return {}  # worked out from other fields
    kinds = list(dict.fromkeys(getattr(config, "layer_types", None) or ()))
    if kinds in ([], ["linear_attention"]):
        kinds.append("full_attention")
    layers: dict[str, Any] = {name: kinds * 2, "num_hidden_layers": 2 * len(kinds)}
    if hasattr(config, "num_kv_shared_layers"):
        layers["num_kv_shared_layers"] = len(kinds)
    if getattr(config, "rope_parameters", None) == {}:  # one set for each kind, and no default
        rotary = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [4, 2, 2]}
        layers["rope_parameters"] = dict.fromkeys(kinds, rotary)
    return layers


def _build(text_class: type[PreTrainedConfig], small: dict[str, Any]) -> PreTrainedModel:
    model_class = causal_model_class(text_class)
    with torch.device("meta"):
        parameters = model_class(text_class(**small)).num_parameters()
    if parameters > LARGEST:
        raise RuntimeError(f"still {parameters / 1e6:.0f} million parameters")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = model_class(text_class(**small)).eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.15)  # larger than usual, so that a leak is not lost in rounding
        model(torch.tensor([[3, 4, 5]]))
    return model
