"""`prepack-lab bench calibrate`: the three rates from which the seconds of a prefill are predicted on this machine."""

from __future__ import annotations

from prepack_lab.bench.batches import load
from prepack_lab.bench.experiment import dtype_name
from prepack_lab.bench.experiments import Calibrate
from prepack_lab.bench.report import Report
from prepack_lab.measuring.calibration import calibrate
from prepack_lab.measuring.table import Table

RATES = ("seconds_per_pass", "seconds_per_linear_flop", "seconds_per_attention_flop")


def run_calibrate(asked: Calibrate) -> Report:
    model = load(asked)
    measured = calibrate(model, asked.repeats)
    rates = {name: getattr(measured, name) for name in RATES}
    per_pass, *per_flop = rates.values()
    table = Table(
        ("a pass", "a billion operations of the weights", "a billion operations of attention"),
        [(f"{1000 * per_pass:.1f} ms", *(f"{1e12 * rate:.2f} ms" for rate in per_flop))],
        f"{asked.model}, {dtype_name(model)}: what a prefill costs on this machine",
    )
    return asked.report([rates], table, model=model)
