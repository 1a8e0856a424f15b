"""Who is on the class list, and who is not."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prepack_lab.course.grading.submissions.finding import Submission
from prepack_lab.course.grading.submissions.roster import Student, match, read_roster

MOODLE = (
    "\ufeffFirst name,Last name,ID number,Email address,Groups\nAda,Lovelace,007,ada@a.edu,\nÉmile,Zola,008,z@a.edu,A\n"
)
WORKSHEET = "Identifier,Full name,Email address,Status\nParticipant 1234567,Ada Lovelace,ada@a.edu,Submitted\n"
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Padding (123)
,,,,,Manual Posting
    Points Possible,,,,,10
"Lovelace, Ada",12345,s007,alovelace,"One, two",9
"Student, Test",99,,x,One,
"""
GERMAN = "sep=;\nMatrikelnummer;Nachname;Vorname;E-Mail\n42;Müller;Jörg;joerg.mueller@uni.de\n"


def read(tmp_path, text, encoding="utf-8"):
    (tmp_path / "roster.csv").write_bytes(text.encode(encoding))
    return read_roster(tmp_path / "roster.csv")


def matched(*found, roster):
    """Name on the roster, or what is said of it."""
    one = [Submission(*((name, None, "x") if isinstance(name, str) else (name[0], None, "x")), problem="",
                      id="" if isinstance(name, str) else name[1]) for name in found]  # fmt: skip
    return {one.student: one.problem or one.note for one in match(one, roster)}


def test_the_exports_of_moodle_and_canvas_are_read(tmp_path):
    assert read(tmp_path, MOODLE) == [
        Student("Ada Lovelace", ("007",), "ada@a.edu"),
        Student("Émile Zola", ("008",), "z@a.edu"),
    ]
    assert read(tmp_path, WORKSHEET) == [Student("Ada Lovelace", ("1234567",), "ada@a.edu")]
    assert read(tmp_path, CANVAS) == [Student("Lovelace, Ada", ("12345", "s007", "alovelace"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_whatever_a_spreadsheet_saves_is_read(tmp_path, encoding):
    for text in (GERMAN, GERMAN.replace("\n", "\r\n"), GERMAN.replace("sep=;\n", "").replace(";", "\t")):
        assert read(tmp_path, text, encoding) == [Student("Jörg Müller", ("42",), "joerg.mueller@uni.de")]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2\n", "name\n", "name,id\n,\n", '"\0', "name\n" + "x" * 200_000])
def test_a_roster_that_is_none_is_an_error_that_says_what_to_do(tmp_path, text):
    csv.field_size_limit(2**30)  # as reading long prompts leaves it
    with pytest.raises(ValueError, match="roster"):
        read(tmp_path, text)
    with pytest.raises(ValueError, match="name a CSV file"):
        read_roster(tmp_path)


@given(raw=st.binary(max_size=200))
def test_no_bytes_break_the_reading(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("roster") / "r.csv"
    path.write_bytes(raw)
    try:
        assert read_roster(path)
    except ValueError as error:
        assert "roster" in str(error)


@pytest.mark.parametrize(
    "name",
    ["Jane Doe", "jane doe", "Doe, Jane", "doejane", "jane_doe", "JÁNE DÒE", "jdoe", "jdoe@a.edu", "4711", "jane 4711"],
)
def test_a_student_is_found_by_name_number_or_address(name):
    roster = [Student("Jane Doe", ("4711",), "jdoe@a.edu"), Student("John Roe", ("4712",), "jroe@a.edu")]
    assert matched(name, roster=roster) == {"Jane Doe": "", "John Roe": "handed in nothing"}


def test_names_of_several_words_and_other_spellings():
    roster = [Student("van der Berg, Jan"), Student("Jörg Müller"), Student("O'Brien-Smith, Pat"), Student("Søren Łoś")]
    for names in (
        ("Jan van der Berg", "mueller joerg", "obriensmithpat", "Soren Los"),
        ("vanderbergjan", "müllerjörg", "Pat O Brien Smith", "lossoren"),
    ):
        assert set(matched(*names, roster=roster).values()) == {""}


def test_what_is_not_sure_is_not_guessed():
    roster = [Student("Anna Schmidt", ("1",)), Student("Anna Schmidt", ("2",)), Student("Ben Ek", ("3",), "ek@a.edu")]
    said = matched("Anna Schmidt", "ben", "zoe", roster=roster)
    assert said["Anna Schmidt"] == "perhaps Anna Schmidt (1) or Anna Schmidt (2) of the roster"
    assert said["ben"] == "perhaps Ben Ek of the roster"
    assert said["zoe"] == "not on the roster"
    for name in ("Anna Schmidt (1)", "Anna Schmidt (2)", "Ben Ek"):
        assert said[name] == "handed in nothing, unless someone else's is this student's"
    assert matched(("Anna Schmidt", "2"), roster=roster)["Anna Schmidt (2)"] == ""
    assert "perhaps" in matched("annaschmidt", roster=roster)["annaschmidt"]


def test_a_name_and_a_number_of_different_students_are_not_guessed():
    roster = [Student("Ada Ek", ("7",)), Student("Bo Oz", ("8",))]
    said = matched(("Ada Ek", "8"), roster=roster)
    assert said["Ada Ek (unclear)"] == "perhaps Ada Ek or Bo Oz of the roster"
    said = matched(("Cy Li", "8"), roster=roster)
    assert said["Cy Li"] == "perhaps Bo Oz of the roster"


def test_two_with_numbers_of_their_own_are_not_one_student():
    said = matched(("Ada Ek (11)", "11"), ("Ada Ek (12)", "12"), roster=[Student("Ada Ek")])
    assert all("perhaps Ada Ek" in said[f"Ada Ek ({number})"] for number in (11, 12))
    # in two assignments Moodle gives the same student two numbers
    assert matched(("Ada Ek", "11"), ("Ada Ek", "12"), roster=[Student("Ada Ek")]) == {"Ada Ek": ""}


WORDS = st.text("abcdefghij", min_size=2, max_size=6)


@given(
    names=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8, unique_by=lambda name: frozenset(name)),
    data=st.data(),
)
def test_everyone_is_there_once_or_missing_and_nobody_is_someone_else(names, data):
    roster = [Student(f"{first} {last}".title(), (str(number),)) for number, (first, last) in enumerate(names, 100)]
    there = data.draw(st.sets(st.sampled_from(roster)))
    spelled = {one: data.draw(st.sampled_from([one.name.lower(), ", ".join(one.name.split()[::-1]), one.ids[0]]))
               for one in there}  # fmt: skip
    found = match([Submission(name, None, one.ids[0]) for one, name in spelled.items()], roster)
    assert sorted(one.student for one in found) == sorted(one.name for one in roster)
    assert {one.name: one.student for one in found if one.name} == {one.ids[0]: one.name for one in there}
    assert {one.student for one in found if one.problem} == {one.name for one in roster} - {one.name for one in there}
