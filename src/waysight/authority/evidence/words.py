"""The words of an evidence report (words.yaml), in English and in the languages of the country's law."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import yaml

from waysight.authority.notice_words import Words
from waysight.authority.rulepacks import all_packs
from waysight.errors import BadConfiguration

ENGLISH = "en"


@lru_cache(maxsize=8)
def report_words(country: str) -> Words:
    """The words for a country, English first; English alone where no pack or no words of its languages are there.

    Raises BadConfiguration naming a key that a language lacks or has besides the English ones.
    """
    path = files("waysight.authority.evidence").joinpath("words.yaml")
    spoken: dict[str, dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    keys = set(spoken[ENGLISH])
    for language, texts in spoken.items():
        if wrong := keys.symmetric_difference(texts):
            raise BadConfiguration(f"{path}: {language}: missing or unknown: {', '.join(sorted(wrong))}")
    pack = all_packs().get(country)
    others = [c for c in (pack.code if pack else ()) if c in spoken and c != ENGLISH]
    languages = (ENGLISH, *others)
    return Words(languages, {key: tuple(spoken[n][key] for n in languages) for key in keys})
