"""The experiments of the paper, as commands: `prepack-lab bench NAME`.

An experiment is a class whose fields are the options of its command, and a function that measures and returns a
`Report`: a table to read, perhaps a figure to see, and a record with everything that is needed to repeat it. The
classes stand together in `experiments.py`, which loads no torch; each function stands where its name says.
"""

from prepack_lab.bench import experiments as experiments  # which fills the table
from prepack_lab.bench.experiment import EXPERIMENTS as EXPERIMENTS
