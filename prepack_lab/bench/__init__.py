"""The experiments of the paper, as commands: `prepack-lab bench NAME`.

Each experiment is a file with one function, which measures and returns a `Report`: a table to read, and a record
with everything that is needed to repeat it.
"""

from prepack_lab.bench.calibrate import calibrate_benchmark
from prepack_lab.bench.prefill import prefill_benchmark
from prepack_lab.bench.widgets import widgets_benchmark

EXPERIMENTS = {"prefill": prefill_benchmark, "calibrate": calibrate_benchmark, "widgets": widgets_benchmark}
