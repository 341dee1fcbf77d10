"""Whether every model is whole: files, checksums, configuration against contract, and weights that open."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec

from waysight.digests import sha256_of
from waysight.errors import BadConfiguration
from waysight.modelling.catalogue import Catalogue, Contract
from waysight.modelling.contracts import CONFIG, config_faults, read_config
from waysight.modelling.overlay import DESCRIPTION, WEIGHTS, Replacement, lay_over, read_overlay
from waysight.modelling.replacing import tensors
from waysight.modelling.trial import job_for, try_weights
from waysight.settings import Settings

NEEDED = (CONFIG, "card.md", "labels.txt", "1/model.py")


class Finding(msgspec.Struct, frozen=True):
    """A model's check; `weights` is their SHA-256, `faults` are sentences, none when it is whole."""

    model: str
    kind: str
    weights: str
    faults: list[str]


def check_models(settings: Settings, source: Path, catalogue: Catalogue) -> list[Finding]:
    """One finding per model of the repository `source` or the catalogue, as the next start would serve it."""
    overlay = read_overlay(settings.models_folder)
    there = {path.parent.name for path in source.glob(f"*/{CONFIG}")}
    with tempfile.TemporaryDirectory(prefix="waysight-models-") as scratch:
        served = Path(scratch) / "models"
        shutil.copytree(source, served, ignore=shutil.ignore_patterns("__pycache__"))
        names = sorted(there | set(catalogue.models) | set(overlay))
        return [
            _check(settings, served, name, catalogue.models.get(name), overlay.get(name)) for name in names
        ]


def _check(
    settings: Settings, served: Path, name: str, contract: Contract | None, entry: Replacement | None
) -> Finding:
    kind = entry.kind if entry else "waysight"
    if contract is None:
        return Finding(name, kind, "", ["it has no contract in models.yaml"])
    folder = served / name
    faults = [f"{part} is missing" for part in NEEDED if not (folder / part).is_file()]
    try:
        if entry is not None:
            lay_over(settings.models_folder, name, entry, served)
        if (folder / CONFIG).is_file():
            faults += _against_contract(settings, served, name, contract, entry)
    except BadConfiguration as error:
        return Finding(name, kind, entry.sha256 if entry else "", [*faults, str(error)])
    digest = sha256_of(folder / WEIGHTS) if (folder / WEIGHTS).is_file() else ""
    wanted = entry.sha256 if entry else contract.sha256
    if digest != wanted:
        faults.append(
            f"{WEIGHTS} has sha256 {digest[:12] or 'none'}, expected {wanted[:12] or 'no such file'}"
        )
    return Finding(name, kind, digest, faults)


def _against_contract(
    settings: Settings, served: Path, name: str, contract: Contract, entry: Replacement | None
) -> list[str]:
    folder = served / name
    config = read_config(folder / CONFIG)
    if not contract.opens:
        return [f"{CONFIG}: {fault}" for fault in config_faults(config, name, contract)]
    foreign = entry is not None and entry.kind != "waysight"
    description = (folder / DESCRIPTION).read_text(encoding="utf-8") if foreign else ""
    outcome = try_weights(settings, served, job_for(contract, folder / WEIGHTS, description))
    if outcome.error:
        return [outcome.error]
    given, made = tensors(contract, outcome)
    own = contract.model_copy(update={"input": given, "output": made})
    return [f"{CONFIG}: {fault}" for fault in config_faults(config, name, own)]
