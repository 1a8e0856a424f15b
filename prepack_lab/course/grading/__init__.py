"""Grading: a folder of students' notebooks → who solved which exercise, and what went wrong.

    submissions.py   a folder → each student's notebooks, whatever their names, and who has none
    folders.py       a folder → the files in it and in its zips
    archives.py      a zip → what lies in it, whoever packed it
    students.py      files → whose they are: which folders are students, which only hold them
    names.py         a name of a file or folder → whose it is, as course platforms name them
    roster.py        a class list → who handed in nothing, and who is not on it
    reading.py       a notebook → its cells, and what it keeps of the checks; nothing is run
    sandbox.py       walls around students' code: bubblewrap, a container, or none
    judge.py         a notebook → its grades, while it runs in the sandbox; all answers stay here
    likeness.py      functions that differ only in names, spaces and comments
    classroom.py     many notebooks at once; grades from earlier runs are kept
    grades.py        what a grade is
    reports/         grades → points, pages and gradebooks
    command.py       prepack-lab grade

What runs in the sandbox is in `course/inside`.
"""
