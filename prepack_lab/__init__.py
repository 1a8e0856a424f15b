"""prepack_lab: why padded batches waste most of their prefill, and how prepacking wins it back.

    import prepack_lab as lab

    model, tokenizer = lab.load_model()
    prompts = lab.tokenize(tokenizer, ["The capital of Germany is", "Once upon a time"])
    tokens = lab.generate(model, prompts, method="prepacked")

The names below are the public face. Each is loaded from its module when it is first used, so that importing the
package costs no torch and no plotly.
"""

from importlib import import_module
from typing import Any

from prepack_lab import stale_kernel  # noqa: F401 - it remembers the files as they are now

__version__ = "0.1.0"

_MODULE_OF = {
    "InvalidPromptsError": "prompts.texts",
    "check_prompts": "prompts.texts",
    "tokenize": "prompts.texts",
    "random_prompts": "prompts.texts",
    "read_prompts": "prompts.files",
    "LengthProfile": "prompts.lengths",
    "list_profiles": "prompts.lengths",
    "load_profile": "prompts.lengths",
    "Packing": "packing.packing",
    "one_prompt_a_row": "packing.packing",
    "one_row": "packing.packing",
    "pack": "packing.packing",
    "PackedBatch": "engine.packed_batch",
    "packed_mask": "engine.masks",
    "may_see": "engine.masks",
    "packed_block_mask": "engine.masks",
    "unpack_cache": "engine.kv_cache",
    "ModelSupport": "exactness.support",
    "UnsupportedModelError": "exactness.support",
    "check_model": "exactness.support",
    "Plan": "packing.methods",
    "Prefill": "pipelines.prefilling",
    "prefill": "pipelines.prefilling",
    "prefill_dataset": "pipelines.datasets",
    "in_order": "pipelines.datasets",
    "share_out": "pipelines.sharding",
    "join_ranks": "pipelines.sharding",
    "prefill_over_ranks": "pipelines.sharding",
    "PackedDecoder": "engine.packed_decoding",
    "Continuations": "pipelines.generation",
    "generate": "pipelines.generation",
    "time_tokens": "pipelines.token_times",
    "ModelUnavailableError": "models.embedded_model",
    "list_models": "models.loading",
    "load_config": "models.loading",
    "load_model": "models.loading",
    "describe_machine": "machine",
    "Cost": "predicting.cost",
    "estimate_cost": "predicting.cost",
    "cost_of_step": "predicting.step_cost",
    "Calibration": "predicting.calibration",
    "calibrate": "predicting.calibration",
    "measure_roof": "measuring.roof",
    "time_batches": "measuring.speed_ups",
    "inspect_lengths": "predicting.inspection",
    "Measurement": "measuring.timing",
    "measure": "measuring.timing",
    "measure_together": "measuring.timing",
    "Table": "tables",
    "diagnose": "doctor",
    "lesson_map": "lessons",
    "check": "exercises.checking",
    "hint": "exercises.checking",
    "solution": "exercises.checking",
    "progress": "exercises.progress",
}

_FOLDERS = ("figures", "reports", "widgets")

__all__ = [*_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return import_module(f"{__name__}.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__, *_FOLDERS]
