"""The words of a country's notice (rules/<country>/notice.yaml), one text per language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import yaml

from waysight.errors import BadConfiguration

KEYS = frozenset(
    [
        "title",
        "number",
        "issued",
        "addressee",
        "plate",
        "time",
        "place",
        "offence",
        "law",
        "measured",
        "uncertainty",
        "tolerance",
        "enforced",
        "limit",
        "over",
        "section",
        "red",
        "device",
        "officer",
        "evidence",
        "amount",
        "discounted",
        "until",
        "points",
        "liable",
        "served",
        "appeal_until",
        "qr",
        "within_days",
        "within_working_days",
        "open_stage",
        "discount_terms",
        "no_discount",
        "appeal_title",
        "appeal",
        "readings",
        "demo",
        "unit",
        "kmh",
    ]
)


@dataclass(frozen=True, slots=True)
class Words:
    """Texts by key, one per language, in the order of `languages` (the first is the main one)."""

    languages: tuple[str, ...]
    texts: dict[str, tuple[str, ...]]

    def __getitem__(self, key: str) -> tuple[str, ...]:
        return self.texts[key]

    def joined(self, key: str) -> str:
        """All languages on one line."""
        return " · ".join(self.texts[key])


@lru_cache(maxsize=8)
def notice_words(country: str) -> Words:
    """The words for a country; raises BadConfiguration naming the key that is missing or too much."""
    path = files("waysight.rules").joinpath(country, "notice.yaml")
    if not path.is_file():
        raise BadConfiguration(
            f"there are no words for notices of {country!r}; add rules/{country}/notice.yaml"
        )
    return words_of(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))


def words_in(path: Path, known: set[str]) -> Words:
    """The words of a file of one's own; `known` are the languages that the rule pack has titles in."""
    try:
        words = words_of(yaml.safe_load(path.read_text(encoding="utf-8")), str(path))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadConfiguration(f"{path}: cannot be read: {error}") from error
    if missing := sorted(set(words.languages) - known):
        raise BadConfiguration(f"{path}: languages: the pack's titles lack {', '.join(missing)}")
    return words


def words_of(raw: object, where: str) -> Words:
    """Checked words from a YAML mapping."""
    if not isinstance(raw, dict) or not isinstance(raw.get("languages"), list):
        raise BadConfiguration(f"{where}: needs a list `languages` and one list of texts per key")
    languages, texts = tuple(map(str, raw["languages"])), {k: v for k, v in raw.items() if k != "languages"}
    if set(texts) != KEYS:
        raise BadConfiguration(
            f"{where}: missing {sorted(KEYS - set(texts))}, unknown {sorted(set(texts) - KEYS)}"
        )
    for key, value in texts.items():
        if (
            not isinstance(value, list)
            or len(value) != len(languages)
            or not all(isinstance(t, str) for t in value)
        ):
            raise BadConfiguration(
                f"{where}: {key}: needs {len(languages)} texts, one for each of {', '.join(languages)}"
            )
    return Words(languages, {k: tuple(v) for k, v in texts.items()})
