"""What runs a learner's function, in the notebook and in the grader's sandbox, which holds nothing else of the course.

attempt.py      call a function so that whatever it does has an outcome
own_work.py     refuse what the lab has for it, where an exercise asks for one's own work
watched.py      tensors that see how they are used
wire.py         values ↔ JSON, to cross between a student's process and the grader's
channel.py      messages between the two
notebook.py     a notebook, run cell by cell, whose checks ask the grader for cases
namespaces.py   rooms within the sandbox, one for each notebook
__main__.py     the program in the sandbox
"""
