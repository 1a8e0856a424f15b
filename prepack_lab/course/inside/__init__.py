"""What runs a learner's function, in the notebook and in the grader's sandbox, which holds nothing else of the course.

attempt.py   call a function so that whatever it does has an outcome
watched.py   tensors that see how they are used
wire.py      values ↔ JSON, to cross between a student's process and the grader's
"""
