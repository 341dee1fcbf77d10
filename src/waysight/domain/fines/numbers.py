"""Numbers of notices: a series without gaps for each country, year of issue and partition, with a check character."""

from __future__ import annotations

from datetime import date

_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def series_of(country: str, issued_on: date, partition: int) -> str:
    """The series of a fine, e.g. ``KZ-2026-03``.

    >>> series_of("kz", date(2026, 11, 21), 3)
    'KZ-2026-03'
    """
    return f"{country.upper()}-{issued_on.year}-{partition:02d}"


def number_of(series: str, serial: int) -> str:
    """The number on the notice: series, place in it from 1, check character.

    >>> number_of("KZ-2026-03", 123)
    'KZ-2026-03-000123-U'
    """
    body = f"{series}-{serial:06d}"
    return f"{body}-{check_character(body)}"


def is_number(text: str) -> bool:
    """Whether the last character of a number is its check character: one wrong or swapped one is found.

    >>> is_number("KZ-2026-03-000123-U"), is_number("KZ-2026-03-000132-U")
    (True, False)
    """
    body, _, check = text.rpartition("-")
    return bool(body) and body.isascii() and check == check_character(body)


def check_character(text: str) -> str:
    """ISO 7064, MOD 37,36, over letters and digits; others are skipped."""
    product = 36
    for character in text.upper():
        if character in _CHARACTERS:
            total = (product + _CHARACTERS.index(character)) % 36 or 36
            product = total * 2 % 37
    return _CHARACTERS[(37 - product) % 36]
