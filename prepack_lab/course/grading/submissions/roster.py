"""A class list → who handed in nothing, and who is not on the list.

A submission is a student's on the roster if a number in its name is the student's, or the name is, in any order of its
parts: `Doe, Jane`, `jane doe` and Canvas's `doejane`. Capitals and accents don't count; a login or the part of an email
address before the @ counts like a number. Where name and number fit different students, or one fits several, nothing is
guessed.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from prepack_lab.course.grading.submissions.finding import Submission

COLUMNS = {
    "name": "name student students studentname fullname displayname user participant",
    "first": "firstname givenname forename first vorname",
    "last": "lastname surname familyname last nachname",
    "id": "id studentid studentnumber userid idnumber username login loginid sisuserid sisloginid sisid integrationid"
    " identifier netid uid sid number studentno matriculationnumber matrikelnummer orgdefinedid",
    "email": "email emailaddress mail emailadresse",
}
"""What a column may be called, without spaces, capitals and signs; Moodle's and Canvas's exports among them."""
NO_STUDENTS = {"points possible", "student, test"}
"""Rows of Canvas's gradebook."""
LONGEST = 100_000
"""Letters of a cell; a longer one is no cell, but a file whose quotes are never closed."""
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


@dataclass(frozen=True)
class Student:
    """Someone on the roster."""

    name: str
    ids: tuple[str, ...] = ()
    """Numbers and logins."""
    email: str = ""

    @property
    def id(self) -> str:
        """The first number or login; empty where none is known."""
        return self.ids[0] if self.ids else ""


def read_roster(path: Path) -> list[Student]:
    """The students in a CSV file, in its order: Moodle's list of participants or its grading worksheet, Canvas's
    gradebook, or any with columns for the name (or first and last name), a number or an email address.

    Columns are separated by commas, semicolons or tabs; rows with none of these are passed over.

    Raises:
        ValueError: there is no such file, it is no table, or has no such column or no students; says what to do.
    """
    if not path.is_file():
        raise ValueError(f"there is no roster {path}; name a CSV file with a line per student")
    text = _text(path.read_bytes()).strip()
    if text.lower().startswith("sep="):  # for Excel
        text = text.partition("\n")[2]
    first = text.partition("\n")[0]
    try:
        header, *table = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
        if any(len(cell) > LONGEST for row in (header, *table) for cell in row):
            raise ValueError
    except (csv.Error, ValueError):
        raise ValueError(f"the roster {path} is no table; save it as CSV, with a line per student") from None
    kinds = [_kind(cell) for cell in header]
    if not any(kinds):
        raise ValueError(f"the roster {path} names no columns; its first line must have one called name, id or email")
    found = (_student([*zip(kinds, (cell.strip() for cell in row), strict=False)]) for row in table)
    students = [*dict.fromkeys(student for student in found if student is not None)]
    if not students:
        raise ValueError(f"the roster {path} has no students below its first line")
    return students


def match(submissions: Iterable[Submission], roster: Sequence[Student]) -> list[Submission]:
    """The submissions under the names on the roster, sorted, with an entry for each student who handed in nothing.

    Whoever is not on the roster, or not surely one of it, keeps the name, and has a note that says so.
    """
    submissions, names = [*submissions], _names(roster)
    fits = {person: _fits(*person, roster) for person in dict.fromkeys((one.student, one.id) for one in submissions)}
    owners: dict[Student, list[str]] = {student: [] for student in roster}
    for (name, id), (students, _) in fits.items():
        if id and len(students) == 1 and name not in owners[students[0]]:
            owners[students[0]].append(name)
    torn = {student for student, found in owners.items() if len(found) > 1}  # numbered apart: different people
    result, there, perhaps = [], set[Student](), set[Student]()
    for one in submissions:
        students, near = fits[one.student, one.id]
        if len(students) == 1 and students[0] not in torn:
            there.add(students[0])
            result.append(replace(one, student=names[students[0]]))
        else:
            near = students or near
            perhaps.update(near)
            words = f"perhaps {' or '.join(names[student] for student in near)} of the roster" if near else ""
            note = "; ".join(filter(None, (one.note, words or "not on the roster")))
            kept = f"{one.student} (unclear)" if one.student in names.values() else one.student
            result.append(replace(one, student=kept, note=note))
    for student in names:
        if student not in there:
            words = "handed in nothing" + (", unless someone else's is this student's" if student in perhaps else "")
            result.append(Submission(names[student], None, "", words, source="the roster"))
    return sorted(result, key=lambda one: (one.student.casefold(), one.student, one.name))


def _text(raw: bytes) -> str:
    """As spreadsheets save it: in UTF-8, UTF-16 with a mark, or in Windows' own encoding."""
    for encoding in ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return raw.decode("latin-1")


def _kind(header: str) -> str:
    plain = re.sub(r"[\W_]", "", header.casefold())
    return next((kind for kind, names in COLUMNS.items() if plain in names.split()), "")


def _student(cells: Sequence[tuple[str, str]]) -> Student | None:
    def of(kind: str) -> list[str]:
        return [cell for what, cell in cells if what == kind and cell]

    email = next(iter(of("email")), "")
    name = next(iter(of("name")), "") or " ".join(of("first") + of("last")) or email or next(iter(of("id")), "")
    if not name or name.casefold() in NO_STUDENTS:
        return None
    ids = [re.sub(r"^participant\s+(?=\d)", "", id, flags=re.IGNORECASE) for id in of("id")]  # as Moodle writes it
    return Student(name, tuple(dict.fromkeys(ids)), email)


def _names(roster: Sequence[Student]) -> dict[Student, str]:
    """The name of each, with what tells namesakes apart."""
    names = [student.name for student in roster]
    return {
        one: one.name
        if names.count(one.name) == 1
        else f"{one.name} ({', '.join(filter(None, (*one.ids, one.email)))})"
        for one in roster
    }


def _fits(name: str, id: str, roster: Sequence[Student]) -> tuple[list[Student], list[Student]]:
    """Those who it is by number or name, more than one where that is not sure; and those who it might be."""
    numbers = {_key(word) for word in re.split(r"[\s_,()]+", name) if re.search(r"\d", word)}
    by_number = [one for one in roster if numbers & _keys(one)]
    by_id = [one for one in roster if id and _key(id) in _keys(one)]
    by_name = [one for one in roster if _sorted(one.name) & _sorted(name)]
    by_name = by_name or [one for one in roster if _joined(one.name) & _joined(name)]
    by_name = [*dict.fromkeys(by_name + [one for one in roster if _key(name) in _keys(one)])]
    numbered = [*dict.fromkeys(by_number + by_id)]
    if not by_name:  # a platform's number alone may be someone else's at the school
        anonymous = name.casefold().startswith(("anon ", "participant "))
        sure, words = (numbered if by_number or anonymous else []), _sorted(name)
        return sure, numbered or [
            one for one in roster if any(set(few) <= set(all) for few in words for all in _sorted(one.name))
        ]
    both = [one for one in by_name if one in numbered]
    return both or [*dict.fromkeys(by_name + numbered)], []


@cache
def _keys(student: Student) -> set[str]:
    """What stands for a student in one word: numbers, logins, the email address, and its part before the @."""
    return {_key(known) for known in (*student.ids, student.email, student.email.partition("@")[0])} - {""}


def _plain(text: str) -> set[str]:
    """Without capitals and accents; ä is both a and ae."""
    text = unicodedata.normalize("NFC", text).casefold()
    spelled = (text.translate(UMLAUTS), text)
    bare = (unicodedata.normalize("NFKD", one.translate(LETTERS)) for one in spelled)
    return {"".join(letter for letter in one if not unicodedata.combining(letter)) for one in bare}


def _key(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def _words(name: str) -> set[tuple[str, ...]]:
    return {tuple(re.findall(r"[^\W\d_]+", plain)) for plain in _plain(name)} - {()}


@cache
def _sorted(name: str) -> set[tuple[str, ...]]:
    return {tuple(sorted(words)) for words in _words(name)}


@cache
def _joined(name: str) -> set[str]:
    """A name in one word, whichever of its parts is first."""
    return {"".join(words[turn:] + words[:turn]) for words in _words(name) for turn in range(len(words))}
