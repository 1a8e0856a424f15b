"""Grading: a folder of students' notebooks → who solved what, and why not.

    submissions.py   a folder → each student's notebooks, whatever their names
    definitions.py   what of a notebook can be run without running the lesson
    magics.py        a cell → the Python it runs, without `%%time` and the like
    reading.py       a notebook → what it defines and checks, and what was tampered with; nothing is run
    wire.py          what a function returned ↔ JSON, so that nothing of a student is ever unpickled
    worker.py        a process of its own: limits of time and memory, no network, and one function called
    grading.py       the above for one notebook: a grade for each exercise of its lesson
    classroom.py     many notebooks at once; what was graded before is kept
    report.py        grades → a CSV file and a page

It guards against accidents and simple tricks, and is no sandbox against someone who means harm: code of strangers
belongs in a container.
"""
