"""rapidfuzz's scan of a whole watchlist, in an environment of its own: what one would use without an index.

stdin: {"plates": FILE with 8 characters a plate, one behind the other, "queries": [text …]}; stdout: CPU-seconds of all
queries, and for each how many plates lie within one edit.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

LENGTH = 8


def main() -> None:
    """Read the list and the queries, scan for each, write what was found."""
    given = json.load(sys.stdin)
    text = Path(given["plates"]).read_text("ascii")
    plates = [text[i : i + LENGTH] for i in range(0, len(text), LENGTH)]
    began_s = time.process_time()
    found = [scan(query, plates) for query in given["queries"]]
    json.dump({"cpu_s": time.process_time() - began_s, "found": found}, sys.stdout)


def scan(query: str, plates: list[str]) -> int:
    """How many plates lie within one edit of a text."""
    hits: list[Any] = process.extract(query, plates, scorer=Levenshtein.distance, score_cutoff=1, limit=None)
    return len(hits)


if __name__ == "__main__":
    main()
