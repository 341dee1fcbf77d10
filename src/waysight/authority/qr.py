"""QR codes of notices (OpenCV's encoder): what a telephone reads is printed beside it in words."""

from __future__ import annotations

import cv2
import numpy as np

from waysight.adapters.pictures import Picture

_DOTS = 8  # pixels of a module


def qr_picture(text: str) -> Picture:
    """A QR code with its quiet zone as a square BGR picture, 8 pixels a module; error correction M."""
    parameters = cv2.QRCodeEncoder.Params()
    parameters.correction_level = cv2.QRCodeEncoder_CORRECT_LEVEL_M
    code = cv2.QRCodeEncoder.create(parameters).encode(text)
    large = np.kron(code, np.ones((_DOTS, _DOTS), dtype=np.uint8)).astype(np.uint8)
    framed = np.pad(large, 2 * _DOTS, constant_values=255)
    return np.repeat(framed[:, :, None], 3, axis=2)


def payment_text(number: str, amount: str, currency: str, link: str = "") -> str:
    """What the code of a fine says: the authority's address with the number in it, or number and amount alone."""
    return link.replace("{number}", number) if link else f"{number} {amount} {currency}"
