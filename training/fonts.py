"""Fonts for synthetic plates: the simulator's own, and whatever suitable ones the system has."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib

from waysight.simulate.plates import default_font_path

SYSTEM_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")
# Upright, sturdy faces of the kind that is embossed; names as Debian's font packages ship them.
SUITABLE = [
    "BebasNeue-Bold",
    "BebasNeue-Regular",
    "BebasNeue-Book",
    "DejaVuSans-Bold",
    "DejaVuSansCondensed-Bold",
    "DejaVuSansCondensed",
    "DejaVuSansMono-Bold",
    "FreeSansBold",
    "FreeMonoBold",
    "LiberationSans-Bold",
    "LiberationSans-Regular",
    "LiberationSansNarrow-Bold",
    "LiberationSansNarrow-Regular",
    "LiberationMono-Bold",
    "NimbusSans-Bold",
    "NimbusSansNarrow-Bold",
    "NimbusSansNarrow-Regular",
    "NimbusMonoPS-Bold",
    "Roboto-Bold",
    "Roboto-Medium",
    "RobotoCondensed-Bold",
    "RobotoCondensed-Medium",
    "RobotoCondensed-Regular",
    "Lato-Bold",
    "Lato-Heavy",
    "LeagueSpartan-Bold",
    "NotoSansMono-Bold",
    "OCRB",
    "OSP-DIN",
    "RG2014B",
    "RG2014C",
    "RG2014D",
    "RG2014E",
    "RG2014EM",
    "URWGothic-Demi",
    "NotoMono-Regular",
]
# Hands and serifs in which states and dealers write their names.
LETTERING = (
    "Z003-MediumItalic",
    "C059-BdIta",
    "P052-BoldItalic",
    "LiberationSerif-Bold",
    "FreeSerifBoldItalic",
    "LiberationSans-BoldItalic",
)


@lru_cache(maxsize=1)
def plate_fonts() -> tuple[str, ...]:
    """Paths of all usable faces; only DejaVu from the matplotlib wheel where the system has none."""
    bundled = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    found = {path.stem: str(path) for path in bundled.glob("DejaVuSans*Bold.ttf")}
    for folder in map(Path, SYSTEM_FOLDERS):
        if folder.is_dir():
            found |= {path.stem: str(path) for path in folder.rglob("*.[to]tf") if path.stem in SUITABLE}
    found[Path(default_font_path()).stem] = default_font_path()
    return tuple(found[name] for name in sorted(found) if name in SUITABLE)


@lru_cache(maxsize=1)
def label_fonts() -> tuple[str, ...]:
    """Paths of faces for the small words beside a registration: plate faces, scripts and serifs."""
    found = [
        str(path)
        for folder in map(Path, SYSTEM_FOLDERS)
        if folder.is_dir()
        for path in sorted(folder.rglob("*.[to]tf"))
        if path.stem in LETTERING
    ]
    return (*plate_fonts()[::3], *found)
