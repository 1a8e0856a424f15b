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

__version__ = "0.1.0"

_MODULE_OF = {
    "InvalidPromptsError": "prompts",
    "check_prompts": "prompts",
    "tokenize": "prompts",
    "random_prompts": "prompts",
    "read_prompts": "prompt_files",
    "LengthProfile": "lengths",
    "list_profiles": "lengths",
    "load_profile": "lengths",
    "Packing": "packing",
    "pack": "packing",
    "PackedBatch": "packed_batch",
    "packed_mask": "masks",
    "may_see": "masks",
    "packed_block_mask": "masks",
    "unpack_cache": "cache",
    "ModelSupport": "support",
    "UnsupportedModelError": "support",
    "check_model": "support",
    "Plan": "methods",
    "Prefill": "prefilling",
    "prefill": "prefilling",
    "prefill_dataset": "datasets",
    "in_order": "datasets",
    "shard": "sharding",
    "join_ranks": "sharding",
    "prefill_over_ranks": "sharding",
    "PackedDecoder": "packed_decoding",
    "Continuations": "generation",
    "generate": "generation",
    "time_tokens": "measuring.token_times",
    "ModelUnavailableError": "models.embedded_model",
    "list_models": "models.loading",
    "load_config": "models.loading",
    "load_model": "models.loading",
    "describe_machine": "machine",
    "Cost": "measuring.cost",
    "estimate_cost": "measuring.cost",
    "cost_of_step": "measuring.cost",
    "Calibration": "measuring.calibration",
    "calibrate": "measuring.calibration",
    "measure_roof": "measuring.calibration",
    "time_batches": "measuring.predictors",
    "inspect_lengths": "measuring.inspection",
    "Measurement": "measuring.timing",
    "measure": "measuring.timing",
    "measure_together": "measuring.timing",
    "Table": "table",
    "diagnose": "doctor",
    "lesson_map": "course.lessons",
    "check": "course.exercises.checking",
    "hint": "course.exercises.checking",
    "solution": "course.exercises.checking",
    "progress": "course.exercises.progress",
}

_FOLDERS = ("figures", "reports", "widgets")

__all__ = [*_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return import_module(f"{__name__}.{'course.' * (name == 'reports')}{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__, *_FOLDERS]
