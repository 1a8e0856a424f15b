"""The experiments of the paper, as commands: `prepack-lab bench NAME`.

Each experiment is a function that measures and returns a `Report`: a table to read, perhaps a figure to see, and a
record with everything that is needed to repeat it. Its parameters are the options of its command.
"""

from prepack_lab.bench.batch_cost import batch_cost_benchmark
from prepack_lab.bench.calibrate import calibrate_benchmark
from prepack_lab.bench.dataset import dataset_benchmark
from prepack_lab.bench.generate import generate_benchmark
from prepack_lab.bench.memory import memory_benchmark
from prepack_lab.bench.one_batch import one_batch_benchmark
from prepack_lab.bench.options import Experiment
from prepack_lab.bench.packing import packing_benchmark
from prepack_lab.bench.peers import peers_benchmark
from prepack_lab.bench.predict import predict_benchmark
from prepack_lab.bench.speed_ups import batch_size_benchmark, prefill_benchmark, ttft_benchmark
from prepack_lab.bench.widgets import widgets_benchmark

_FEW = {"draws": 1, "batch_size": 8}

EXPERIMENTS = {
    "prefill": Experiment(
        prefill_benchmark, "prefill by method and workload: the paper's main figure", _FEW, figure=True
    ),
    "ttft": Experiment(ttft_benchmark, "time to first token by method", _FEW, figure=True),
    "batch-size": Experiment(
        batch_size_benchmark, "the speed-up as the batch grows", {"batch_sizes": [4, 8, 16], "draws": 1}, figure=True
    ),
    "dataset": Experiment(
        dataset_benchmark,
        "a whole dataset, milliseconds for a prompt",
        {"count": 24, "batch_sizes": [4, 8]},
        figure=True,
    ),
    "predict": Experiment(
        predict_benchmark, "what tells the speed-up ahead", {"draws": 2, "batch_size": 8}, figure=True
    ),
    "batch-cost": Experiment(
        batch_cost_benchmark, "time against batch size and length", {"lengths": [50, 100], "repeats": 2}
    ),
    "memory": Experiment(
        memory_benchmark, "peak memory, and the largest batch that fits", {"batch_size": 8}, figure=True
    ),
    "generate": Experiment(
        generate_benchmark, "decoding, unpacked and packed", {"repeats": 1, "max_new_tokens": 8}, figure=True
    ),
    "packing": Experiment(
        packing_benchmark, "strategies: bins, and time to a million prompts", {"sizes": [1_000, 10_000, 100_000]}
    ),
    "peers": Experiment(peers_benchmark, "transformers' continuous batching, on the same prompts", {"batch_size": 4}),
    "one-batch": Experiment(
        one_batch_benchmark, "every method on one batch, and where its time goes", {"batch_size": 8, "repeats": 3}
    ),
    "calibrate": Experiment(calibrate_benchmark, "how fast this machine is, for the cost model", {"repeats": 2}),
    "widgets": Experiment(widgets_benchmark, "from a slider to the new figure, in a browser", {"repeats": 6}),
}
