"""Secrets of many forms and lines that only look like them; a `~` in the file joins two halves of
an invented secret, so that nobody who looks for real ones finds these.
"""

import csv
import re
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glx.parse.mask import mask
from glx.redact import redact

with (Path(__file__).parent / "secrets.csv").open(newline="") as file:
    ROWS = [(row["kind"], row["text"].replace("~", "")) for row in csv.DictReader(file)]
SECRETS = [(kind, text) for kind, text in ROWS if kind]
ORDINARY = [text for kind, text in ROWS if not kind]
KINDS = {
    *("Basic", "glpat", "xoxb", "sk", "pypi", "hvs", "SG", "ya", "apr", "key", "pat", "na", "ant"),
    *("api", "xoxe", "xoxp", "gldt", "Cl", "FMQ"),
}  # what such a token begins with
MARKED = re.compile(r"\{\{(.+?)\}\}")


def logged(text, change=lambda secret: secret):
    """The line as it was logged, its secret changed."""
    return MARKED.sub(lambda m: change(m[1]), text)


def words(text):
    return re.findall(r"[A-Za-z]{2,}", text)


def masked(kind, text):
    return MARKED.sub(f"[masked {kind}]", text)


def test_the_corpus_is_whole():
    assert len(SECRETS) >= 260
    assert len(ORDINARY) >= 205
    assert all(MARKED.search(text) for _, text in SECRETS)


@pytest.mark.parametrize(("kind", "text"), SECRETS)
def test_a_secret_is_masked_once_and_nothing_else(kind, text):
    assert redact(logged(text)) == masked(kind, text)
    assert redact(masked(kind, text)) == masked(kind, text)


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_line_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u202e", "\U000e0041"])
@pytest.mark.parametrize(("kind", "text"), SECRETS)
def test_characters_that_show_nothing_do_not_save_a_secret(kind, text, unseen):
    line = logged(text, lambda secret: unseen.join(secret))
    assert redact(line) == masked(kind, text)
    found = redact(unseen.join(logged(text)))
    assert found.replace(unseen, "") == masked(kind, text)


@pytest.mark.parametrize(("kind", "text"), SECRETS)
def test_wide_letters_do_not_save_a_secret(kind, text):
    wide = {c: c + 0xFEE0 for c in range(ord("!"), ord("~") + 1)}
    assert redact(logged(text, lambda secret: secret.translate(wide))) == masked(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        row
        for row in SECRETS
        if row[0] not in ("card number", "e-mail")
        and re.search("[A-Za-z]", MARKED.search(row[1])[1])  # of digits alone nothing is left
    ],
)
def test_a_template_with_digits_taken_out_is_masked_too(kind, text):
    line = logged(text, lambda secret: re.sub("[0-9]+", "<*>", secret))
    assert redact(line) == masked(kind, text)


@pytest.mark.parametrize(("kind", "text"), SECRETS)
def test_nothing_of_a_secret_but_its_kind_is_left_in_the_template_of_its_line(kind, text):
    template = mask(pl.Series([logged(text)]))[0]
    left = set(words(re.sub(r"\[masked [a-z -]+\]", "", redact(template))))
    assert not left & set(words(" ".join(MARKED.findall(text)))) - KINDS


def test_the_template_of_an_ordinary_line_stays():
    templates = mask(pl.Series(ORDINARY)).to_list()
    assert [redact(text) for text in templates] == templates


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("login password 123456 refused", "login password [masked password] refused"),
        ("passcode=123456", "passcode=[masked password]"),
        ("bob/tiger@db1:1521/svc up", "[masked password]@db1:1521/svc up"),
        ("wrong password 3 times", "wrong password 3 times"),  # a short number is none
        ("mail to bob.smith@<*> bounced", "mail to [masked e-mail] bounced"),
        (  # two, and one in another
            "token=ghp_" + "a1B2" * 9 + " mail=bob@example.com",
            "token=[masked token] mail=[masked e-mail]",
        ),
    ],
)
def test_what_a_text_becomes(text, shown):
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            " user | password\n------+----------\n bob  | sesame\n eve  |\n(2 rows)",
            " user | password\n------+----------\n bob  | [masked password]\n eve  |\n(2 rows)",
        ),
        (
            "+---+-------+\n| n | Token |\n+---+-------+\n| 1 | abcx |\n+---+---+\n| a | b |",
            "+---+-------+\n| n | Token |\n+---+-------+\n| 1 | [masked secret] |\n"
            "+---+---+\n| a | b |",
        ),
        (
            "| token_type | n |\n|---|---|\n| bearer | 3 |",
            "| token_type | n |\n|---|---|\n| bearer | 3 |",
        ),
    ],
)
def test_a_column_below_a_telling_name_is_masked(text, shown):
    assert redact(text) == shown
    assert redact(shown) == shown


@given(st.from_regex(r"(\w{0,9}|pwd|token|[@=: .-]|<\*>|\s|\W){0,12}", fullmatch=True))
def test_what_is_no_secret_stays_as_it_is(text):
    at = 0
    for part in re.split(r"\[masked [a-z -]+\]", redact(text)):
        at = text.index(part, at) + len(part)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a.",
        "a@",
        "A1",
        "password",
        "token=",
        "-----BEGIN ",
        "://:",
        "eyJ",
        "4",
        " -p",
        "\\",
        'password "',
        "password for a ",
        "session=",
        "a1B/",
        "$1$1",
        "basic ",
        'auth="',
        "M1.",
        "bot0:",
        "-u a -p ",
        "login -",
        "AUTH PLAIN ",
        "community ",
        "{sha}",
        "pbkdf2:",
        "key-0",
        "cookie: ",
        "password='",
        'secret: [{"',
        'tokens=["a", ',
        "tokens=[",
        "tokens: a, ",
        "secrets={a: b, ",
        "passwords: - a - ",
        "password%3D",
        "%22token%22%3A%22",
        "%0A",
        "&amp;",
        "password[",
        "password is: ",
        "set password for ",
        "changed password from a to b ",
        "password:\n",
        "| password | x |\n",
        "otp=",
        "verification code for ",
        "abc1-",
        "-u bob:",
        "a:a@tcp",
        "bob/pw@",
        "auth=('a', '",
        "<password a='b' ",
        "password value=",
        "password: a -> ",
        "a | password\n---+---\nb | c\n",
        "|",
        "-",
        "password{a}",
        "password: a = ",
    ],
)
def test_the_time_grows_with_the_length_alone(unit):
    start = time.perf_counter()
    redact(unit * (40_000 // len(unit)))
    assert time.perf_counter() - start < 5
