"""A folder of submissions → each student's notebooks, and a word for whoever has none.

finding.py       each student's notebooks, whatever their names
folders.py       a folder → the files in it and in its zips
archives.py      a zip → what lies in it, whoever packed it
students.py      files → whose they are: which folders are students, which only hold them
names.py         a name of a file or folder → whose it is, as course platforms name them
roster.py        a class list → who handed in nothing, and who is not on it
"""
