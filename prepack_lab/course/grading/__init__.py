"""Grading: a folder of students' notebooks → who solved which exercise, and what went wrong.

    submissions.py   a folder → each student's notebooks, whatever their names, and who has none
    folders.py       a folder → the files in it and in its zips
    archives.py      a zip → what lies in it, whoever packed it
    students.py      files → whose they are: which folders are students, which only hold them
    names.py         a name of a file or folder → whose it is, as course platforms name them
    roster.py        a class list → who handed in nothing, and who is not on it
    definitions.py   the parts of a notebook that are run, without running the lesson
    magics.py        a cell → the Python it runs, without `%%time` and the like
    reading.py       a notebook → what it defines and checks, and signs of tampering; nothing is run
    wire.py          what a function returned ↔ JSON, so that nothing from a student is ever unpickled
    worker.py        a separate process that calls a single function: limited time and memory, no network
    grading.py       a notebook → a grade for each exercise of its lesson
    classroom.py     many notebooks at once; grades from earlier runs are kept
    report.py        grades → a CSV file and a page

It guards against accidents and simple tricks. It is not a sandbox against someone who means harm: run untrusted code
in a container.
"""
