"""Grading: a folder of students' notebooks → who solved which exercise, and what went wrong.

    submissions/     a folder → each student's notebooks, and who has none
    reading.py       a notebook → its cells, and what it keeps of the checks; nothing is run
    sandbox.py       walls around students' code: bubblewrap, a container, or none
    judge.py         a notebook → its grades, while it runs in the sandbox; all answers stay here
    quizzes.py       what is kept of a student's answers → a grade for each quiz
    grades.py        what a grade is
    likeness.py      functions that differ only in names, spaces and comments
    classroom.py     many notebooks at once; grades from earlier runs are kept
    reports/         grades → points, pages and gradebooks
    command.py       prepack-lab grade

What runs in the sandbox is in `course/inside`.
"""
