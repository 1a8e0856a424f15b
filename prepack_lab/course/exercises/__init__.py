"""The lessons' exercises: checked in the notebook, with hints, references, and a diagnosis for every common mistake."""

from prepack_lab.course.exercises.checking import Verdict, check, hint, solution
from prepack_lab.course.exercises.exercise import Exercise
from prepack_lab.course.exercises.progress import progress

__all__ = ["Exercise", "Verdict", "check", "hint", "progress", "solution"]
