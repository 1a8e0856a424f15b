"""The experiments of the paper, as commands: `prepack-lab bench NAME`.

An experiment is a class whose fields are the options of its command; `run` measures and returns a `Report`: a table
to read, perhaps a figure to see, and a record with everything that is needed to repeat it.
"""

from prepack_lab.bench.batch_cost import BatchCost
from prepack_lab.bench.calibrate import Calibrate
from prepack_lab.bench.dataset import Dataset
from prepack_lab.bench.experiment import Experiment
from prepack_lab.bench.generate import Generate
from prepack_lab.bench.lm_eval import LmEval
from prepack_lab.bench.memory import Memory
from prepack_lab.bench.one_batch import OneBatch
from prepack_lab.bench.packing import PackingTime
from prepack_lab.bench.peers import Peers
from prepack_lab.bench.predict import Predict
from prepack_lab.bench.score import Score
from prepack_lab.bench.speed_ups import BatchSize, FirstToken, Prefill
from prepack_lab.bench.widgets import Widgets

EXPERIMENTS: dict[str, type[Experiment]] = {
    experiment.name: experiment
    for experiment in (
        Prefill,
        FirstToken,
        BatchSize,
        Dataset,
        Predict,
        BatchCost,
        Memory,
        Generate,
        Score,
        LmEval,
        PackingTime,
        Peers,
        OneBatch,
        Calibrate,
        Widgets,
    )
}
