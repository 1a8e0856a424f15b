"""What methods, strategies, workloads and models are called: known at once, for the help and the completion of options.

The tests hold them against what there is.
"""

DATASET_METHODS = (
    "one_by_one", "full_batching", "length_ordered", "prepacked", "dataset_prepacked", "padding_free",
)  # fmt: skip
METHODS = tuple(name for name in DATASET_METHODS if name != "dataset_prepacked")
_FITS = ("next_fit", "first_fit", "best_fit", "worst_fit")
STRATEGIES = (*_FITS, *(f"{fit}_decreasing" for fit in _FITS), "binpacking", "optimal")
PAPER_WORKLOADS = ("mmlu", "samsum", "alpaca", "hh_rlhf", "wikitext256", "wikitext512")
WORKLOADS = (
    *PAPER_WORKLOADS, "arxiv", "azure_code", "azure_conv", "gsm8k", "humaneval", "mooncake", "sharegpt",
)  # fmt: skip
DEFAULT_MODEL = "smollm2-135m"
MODELS = (
    DEFAULT_MODEL, "tiny-llama", "tiny-gpt2", "sheared-llama-1.3b", "llama-2-7b", "mistral-7b", "llama-2-13b",
)  # fmt: skip
TASKS = ("prefill", "generate", "score")
DTYPES = ("float32", "bfloat16", "float16")
DEVICES = ("cpu", "cuda", "mps")
