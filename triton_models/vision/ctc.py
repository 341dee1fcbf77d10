"""Texts out of CTC logits: the best path, likely alternatives, and the exact probability of a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CODE = {character: index + 1 for index, character in enumerate(ALPHABET)}
ALTERNATIVE_SHARE = 0.02


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


def text_probabilities(log_p: Floats, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Probability of each text in each view by the CTC forward recursion.

    `log_p` is (views, steps, 37); the result is (views, texts), each 0..1.
    """
    longest = max(len(text) for text in texts)
    width = 2 * longest + 1
    codes = np.zeros((len(texts), width), np.int64)
    for row, text in enumerate(texts):
        codes[row, 1 : 2 * len(text) : 2] = [CODE[character] for character in text]
    skip = np.zeros((len(texts), width), bool)
    skip[:, 2:] = (codes[:, 2:] != 0) & (codes[:, 2:] != codes[:, :-2])
    p = np.exp(log_p.astype(np.float64))
    state = np.zeros((log_p.shape[0], len(texts), width))
    state[:, :, :2] = p[:, 0][:, codes[:, :2]]
    for step in range(1, log_p.shape[1]):
        moved = state.copy()
        moved[:, :, 1:] += state[:, :, :-1]
        moved[:, :, 2:] += np.where(skip[None, :, 2:], state[:, :, :-2], 0)
        state = moved * p[:, step][:, codes]
    ends = np.array([2 * len(text) for text in texts])
    rows = np.arange(len(texts))
    last = state[:, rows, ends]
    return np.asarray(last + np.where(ends > 0, state[:, rows, np.maximum(ends - 1, 0)], 0))
