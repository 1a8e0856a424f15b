"""What each experiment can be asked, and what it takes where nothing is asked: `prepack-lab bench NAME`."""

from __future__ import annotations

from prepack_lab import options
from prepack_lab.bench.experiment import Experiment
from prepack_lab.names import DEFAULT_MODEL, METHODS, PAPER_WORKLOADS, STRATEGIES

COMPARED = ("full_batching", "prepacked", "padding_free")


class OnModel(Experiment):
    """An experiment that runs a model."""

    model: options.Model = DEFAULT_MODEL
    dtype: options.Dtype | None = None
    device: options.Device | None = None


class OnPrompts(OnModel):
    """An experiment that runs a model on prompts, of recorded lengths or the reader's own."""

    prompts: options.Prompts | None = None
    seed: options.Seed = 0


class OnBatches(OnPrompts):
    """An experiment that runs random batches by several methods."""

    draws: options.Draws = 3
    repeats: options.Repeats = 1
    compare_paper: options.ComparePaper = False


class Prefill(
    OnBatches,
    name="prefill",
    module="speed_ups",
    example="--workloads mmlu,gsm8k --draws 5 --compare-paper",
    quick={"draws": 1, "batch_size": 8},
    figure=True,
):
    """Prefill by method and workload: the paper's main figure."""

    workloads: options.Workloads = PAPER_WORKLOADS
    batch_size: options.BatchSize = 16
    methods: options.Methods = COMPARED


class FirstToken(
    OnBatches,
    name="ttft",
    module="speed_ups",
    example="--prompts my_prompts.txt --batch-size 8",
    quick={"draws": 1, "batch_size": 8},
    figure=True,
):
    """Time to first token by method: prefill, unpacking and the choice of a token, as `generate` does it.

    Without workloads: mmlu, or beside the paper all that it measured.
    """

    workloads: options.Workloads | None = None
    batch_size: options.BatchSize = 16
    methods: options.Methods = COMPARED


class BatchSize(
    OnBatches,
    name="batch-size",
    module="speed_ups",
    example="--workload alpaca --batch-sizes 4,8,16",
    quick={"batch_sizes": (4, 8, 16), "draws": 1},
    figure=True,
):
    """The speed-up as the batch grows."""

    workload: options.Workload = "mmlu"
    batch_sizes: options.BatchSizes = (4, 8, 16, 32, 64)
    methods: options.Methods = COMPARED
    draws: options.Draws = 2


class Dataset(
    OnPrompts,
    name="dataset",
    example="--workload mmlu --count 256 --compare-paper",
    quick={"count": 24, "batch_sizes": (4, 8)},
    figure=True,
):
    """A whole dataset by every method, milliseconds per prompt; caches are not unpacked."""

    workload: options.Workload = "mmlu"
    count: options.Count = 128
    batch_sizes: options.BatchSizes = (8, 16, 32)
    methods: options.DatasetMethods = (
        "full_batching", "length_ordered", "prepacked", "dataset_prepacked", "padding_free",
    )  # fmt: skip
    repeats: options.Repeats = 1
    compare_paper: options.ComparePaper = False


class Predict(
    OnBatches,
    name="predict",
    example="--workloads mmlu,samsum --draws 3",
    quick={"draws": 2, "batch_size": 8},
    figure=True,
):
    """What predicts the speed-up: a line for each predictor, scored on workloads that it has not seen."""

    workloads: options.Workloads = ("mmlu", "samsum", "alpaca", "wikitext256")
    batch_size: options.BatchSize = 16
    draws: options.Draws = 6


class BatchCost(
    OnModel,
    name="batch-cost",
    example="--lengths 50,100 --batch-sizes 1,2,4",
    quick={"lengths": (50, 100), "repeats": 2},
):
    """Time against batch size and length, where all prompts of a batch have one length.

    Flat while the device is not full, then in proportion.
    """

    lengths: options.Lengths = (50, 100, 200, 400)
    batch_sizes: options.BatchSizes = (1, 2, 4, 8, 16)
    repeats: options.Repeats = 3
    compare_paper: options.ComparePaper = False


class Memory(OnPrompts, name="memory", example="--batch-size 32 --memory 24", quick={"batch_size": 8}, figure=True):
    """Peak memory, and the largest batch that fits.

    The peak is measured: by the allocator on CUDA, by following every allocation on a CPU. The largest batch is found
    by trying on CUDA; elsewhere a full memory would end the program, so it is estimated.
    """

    workload: options.Workload = "mmlu"
    batch_size: options.BatchSize = 16
    methods: options.Methods = ("full_batching", "length_ordered", "prepacked", "padding_free")
    memory: options.Memory | None = None
    compare_paper: options.ComparePaper = False


class Generate(
    OnPrompts,
    name="generate",
    example="--batch-size 4 --max-new-tokens 32",
    quick={"repeats": 1, "max_new_tokens": 8},
    figure=True,
):
    """Decoding, unpacked and packed: time to first token, time per output token, and the cache."""

    workload: options.Workload = "mmlu"
    batch_size: options.BatchSize = 8
    max_new_tokens: options.MaxNewTokens = 16
    repeats: options.Repeats = 3


class Score(
    OnPrompts, name="score", example="--count 8 --choices 4 --examples 0,256", quick={"count": 4, "examples": (0, 128)}
):
    """Multiple-choice questions, each choice scored: a loop, padded, sorted, packed, and with shared beginnings."""

    workload: options.Workload = "mmlu"
    count: options.Count = 16
    choices: options.Choices = 4
    examples: options.Examples = (0, 512)
    batch_size: options.BatchSize = 16
    repeats: options.Repeats = 1


class LmEval(OnModel, name="lm-eval", example="--count 32 --methods padding_free", quick={"count": 6}):
    """lm-evaluation-harness: its model hf beside prepack, without examples and with five (needs its extra)."""

    workload: options.Workload = "mmlu"
    count: options.Count = 64
    batch_size: options.BatchSize = 16
    methods: options.Methods = ("prepacked", "padding_free")
    repeats: options.Repeats = 1
    seed: options.Seed = 0


class PackingTime(
    Experiment,
    name="packing",
    example="--strategies first_fit,optimal --sizes 100,500",
    quick={"sizes": (1_000, 10_000, 100_000)},
):
    """Strategies: bins, and time to a million prompts, in bins of the workload's longest prompt."""

    workload: options.Workload = "mmlu"
    sizes: options.Sizes = (1_000, 10_000, 100_000, 1_000_000)
    strategies: options.Strategies = STRATEGIES
    repeats: options.Repeats = 3
    seed: options.Seed = 0


class Peers(OnPrompts, name="peers", example="--batch-size 4 --max-new-tokens 4", quick={"batch_size": 4}):
    """transformers' continuous batching, on the same prompts, and what else is installed."""

    workload: options.Workload = "mmlu"
    batch_size: options.BatchSize = 8
    max_new_tokens: options.MaxNewTokens = 2
    repeats: options.Repeats = 1


class File(
    OnPrompts,
    name="file",
    example="--workload gsm8k --count 1000 --batch-size 32",
    quick={"count": 100},
):
    """A file of prompts by `prepack-lab run`, beside a loop of padded batches and generate_batch of transformers."""

    workload: options.Workload = "mmlu"
    count: options.Count = 10_000
    batch_size: options.BatchSize = 16
    max_new_tokens: options.MaxNewTokens = 1


class OneBatch(
    OnModel,
    name="one-batch",
    example="--batch-size 16 --json one_batch.json",
    quick={"batch_size": 8, "repeats": 3},
):
    """Every method on one batch, and where its time goes.

    Methods run in turn, so that a machine that slows down slows all of them. The time is that of the forward passes,
    packing included. Unpacking, the cache of each prompt, is timed by itself, as in the paper.
    """

    workload: options.Workload = "mmlu"
    batch_size: options.BatchSize = 32
    methods: options.Methods = METHODS
    repeats: options.Repeats = 5
    seed: options.Seed = 0


class Calibrate(OnModel, name="calibrate", example="--device cpu --dtype float32", quick={"repeats": 2}):
    """How fast this machine is, for the cost model."""

    repeats: options.Repeats = 5


class Widgets(Experiment, name="widgets", example="--repeats 10", quick={"repeats": 6}):
    """From a slider to the new figure, in a browser.

    Keys are pressed on each slider, to the right and back in turn, after two that do not count. It needs a checkout
    of the project, playwright and Chromium.
    """

    repeats: options.Repeats = 20
