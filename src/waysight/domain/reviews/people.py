"""Who is the same person as whom, as far as names tell."""

from __future__ import annotations

import unicodedata


def same_person(one: str, other: str) -> bool:
    """Whether two names are one officer's: case, accents' encoding and spaces do not make two people of one.

    >>> same_person("Officer  K.", " officer k.")
    True
    """
    return bool(_plain(one)) and _plain(one) == _plain(other)


def corrector(corrected_by: str, officer: str) -> bool:
    """Whether an officer is among those who corrected a violation (`Violation.corrected_by`, separated by ``;``)."""
    return any(same_person(name, officer) for name in corrected_by.split(";"))


def with_corrector(corrected_by: str, officer: str) -> str:
    """The names of all who corrected a violation, once each, in the order of their corrections."""
    names = [name.strip() for name in corrected_by.split(";") if name.strip()]
    return "; ".join([*(n for n in names if not same_person(n, officer)), officer.strip()])


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
