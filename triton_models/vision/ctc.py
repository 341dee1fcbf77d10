"""Texts out of CTC logits: the best path, likely alternatives, and the exact probability of a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODE = {character: index + 1 for index, character in enumerate(ALPHABET)}
ALTERNATIVE_SHARE = 0.02
# Characters that faces draw almost alike: a reader that prefers one must be asked about the other.
ALIKE = {"0": "OQD", "O": "0QD", "1": "I", "I": "1", "D": "0O", "Q": "O0", "8": "B", "B": "8", "5": "S",
         "S": "5", "2": "Z", "Z": "27", "7": "Z", "6": "G", "G": "6C", "M": "HN", "H": "MN", "V": "Y", "Y": "V"}  # fmt: skip


def log_softmax(logits: Floats) -> Floats:
    """Log probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), np.float32)


def best_path(log_p: Floats) -> tuple[str, list[float], list[int]]:
    """Text of the best path of (steps, 37), each character's probability, and the step where it peaks."""
    best = log_p.argmax(1)
    text, confidences, peaks = "", [], []
    start = 0
    for end in range(1, len(best) + 1):
        if end < len(best) and best[end] == best[start]:
            continue
        if best[start]:
            peak = start + int(log_p[start:end, best[start]].argmax())
            text += ALPHABET[best[start] - 1]
            confidences.append(float(np.exp(log_p[peak, best[start]])))
            peaks.append(peak)
        start = end
    return text, confidences, peaks


def alternatives(log_p: Floats, most: int = 6) -> list[str]:
    """The best path's text, then texts with its least certain characters exchanged or left out."""
    text, confidences, peaks = best_path(log_p)
    options: list[tuple[float, str]] = []
    for position in np.argsort(confidences)[:3]:
        row = np.exp(log_p[peaks[position]])
        order = np.argsort(-row)[:4]
        for code in order:
            other = "" if code == 0 else ALPHABET[code - 1]
            if other != text[position] and row[code] > ALTERNATIVE_SHARE:
                options.append((float(row[code]), text[:position] + other + text[position + 1 :]))
    options.sort(reverse=True)
    return [text, *(option for _, option in options[: most - 1])]


def look_alikes(text: str) -> list[str]:
    """Texts with one character exchanged for one that looks almost the same."""
    return [
        text[:place] + other + text[place + 1 :]
        for place, character in enumerate(text)
        for other in ALIKE.get(character, "")
    ]


def text_probabilities(log_p: Floats, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Probability of each text in each view: `log_p` is (views, steps, 37), the result (views, texts), each 0..1."""
    pairs = [(view, text) for view in range(len(log_p)) for text in texts]
    return pair_probabilities(log_p, pairs).reshape(len(log_p), len(texts))


def pair_probabilities(log_p: Floats, pairs: Sequence[tuple[int, str]]) -> npt.NDArray[np.float64]:
    """Probability of each (view, text) by the CTC forward recursion (Graves 2006), all pairs at once.

    `log_p` is (views, steps, 37); the result is (pairs,), each 0..1.
    """
    if not pairs:
        return np.zeros(0)
    width = 2 * max(len(text) for _, text in pairs) + 1
    views = np.array([view for view, _ in pairs])
    codes = np.zeros((len(pairs), width), np.int64)
    for row, (_, text) in enumerate(pairs):
        codes[row, 1 : 2 * len(text) : 2] = [CODE[character] for character in text]
    skip = np.zeros((len(pairs), width))
    skip[:, 2:] = (codes[:, 2:] != 0) & (codes[:, 2:] != codes[:, :-2])
    # (steps, pairs, width): what each state emits at each step
    emitted = np.exp(log_p.astype(np.float64)).transpose(1, 0, 2)[:, views[:, None], codes]
    state = np.zeros((len(pairs), width))
    state[:, :2] = emitted[0][:, :2]
    skipping = np.ascontiguousarray(skip[:, 2:])
    for step in range(1, len(emitted)):
        moved = state.copy()
        moved[:, 1:] += state[:, :-1]
        moved[:, 2:] += skipping * state[:, :-2]
        moved *= emitted[step]
        state = moved
    ends = np.array([2 * len(text) for _, text in pairs])
    rows = np.arange(len(pairs))
    return np.asarray(state[rows, ends] + np.where(ends > 0, state[rows, np.maximum(ends - 1, 0)], 0))
