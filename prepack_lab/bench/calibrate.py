"""`prepack-lab bench calibrate`: the three rates from which the seconds of any prefill on this machine are told."""

from __future__ import annotations

from prepack_lab.bench.options import command_of
from prepack_lab.bench.report import Report
from prepack_lab.measuring.calibration import calibrate
from prepack_lab.models.loading import load_model
from prepack_lab.table import Table

RATES = ("seconds_per_pass", "seconds_per_linear_flop", "seconds_per_attention_flop")


def calibrate_benchmark(
    model: str = "smollm2-135m", dtype: str | None = None, device: str | None = None, repeats: int = 5
) -> Report:
    """Calibrate the cost model on this machine.

    Args:
        model, dtype, device: as for `load_model`.
        repeats: runs of each probe that count.
    """
    loaded, _ = load_model(model, dtype, device)
    measured = calibrate(loaded, repeats)
    rates = {name: getattr(measured, name) for name in RATES}
    named = str(loaded.dtype).removeprefix("torch.")
    settings = {"model": model, "dtype": named, "device": device, "repeats": repeats}
    command = command_of("calibrate", settings)
    table = Table(
        ("a pass", "a billion operations of the weights", "a billion operations of attention"),
        [(f"{1000 * rates[RATES[0]]:.1f} ms", *(f"{1e12 * rates[name]:.2f} ms" for name in RATES[1:]))],
        f"{model}, {named}: what a prefill costs on this machine",
    )
    return Report.now(command, str(loaded.device), settings, [rates], table)
