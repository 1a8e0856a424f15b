"""Reports: grades → points, and files for the instructor, the gradebook and each student.

    course.py        course.toml → what an exercise is worth, when it is due, what lateness costs
    overrides.py     overrides.csv → points and comments that an instructor gave

    results.py       what students and a class have reached
    points.py        all of these → points for each exercise, and a total for each student
    spreadsheet.py   CSV files in which a spreadsheet runs nothing
    gradebooks.py    points → CSV files: all grades, and what Moodle and Canvas import
    summary.py       points → JSON
    pages.py         points → a page of the class, and a page for each student, from `class.html` and `student.html`
    visible.py       letters that nobody would see → what they are

The same grades, rules and overrides give the same bytes, whenever and wherever they are written.
"""
