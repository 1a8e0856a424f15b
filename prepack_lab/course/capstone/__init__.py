"""The capstone: the learner writes prepacking whole, stage by stage, and it is compared with each prompt alone.

`reference.py` is one way to write it. The page shows its names and docstrings as the stub, and instructors see it all.
"""

from prepack_lab.course.capstone.checking import check, race
from prepack_lab.course.capstone.pages import solution

__all__ = ["check", "race", "solution"]
