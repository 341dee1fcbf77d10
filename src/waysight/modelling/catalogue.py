"""The catalogue `triton_models/models.yaml`: the contract of every model, and production models to pull."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waysight.errors import BadConfiguration

FILE = "models.yaml"


class Tensor(BaseModel):
    """A model's input or output: name, element type, shape (numbers, free names, and shares such as h/8)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: str
    shape: tuple[int | str, ...]
    colours: str = ""
    range: tuple[float, float] | None = None
    fit: str = ""
    meaning: str = ""


class Contract(BaseModel):
    """A model of the repository; `weights` is a path in it unless they come from elsewhere (`sha256` empty)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    licence: str
    source: str
    trained_on: str
    training: str = ""
    input: Tensor
    output: Tensor

    @property
    def opens(self) -> bool:
        """Whether it is one network with arrays in and out, which can be tried alone."""
        return self.input.type == "float32"


class Production(BaseModel):
    """A model that a user may pull; `classes` is coco; an empty `sha256` is not known to us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replaces: str
    kind: str
    classes: str
    url: str
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    licence: str
    trained_on: str
    measured: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Contracts by model name, and production models by name."""

    models: dict[str, Contract]
    production: dict[str, Production]


def read_catalogue(repository: Path) -> Catalogue:
    """The catalogue of a model repository; raises BadConfiguration naming file and key."""
    path = repository / FILE
    try:
        raw: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        models = {name: Contract(**entry) for name, entry in raw["models"].items()}
        production = {name: Production(**entry) for name, entry in raw["production"].items()}
    except (yaml.YAMLError, ValidationError, KeyError, TypeError, AttributeError) as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return Catalogue(models, production)


def production_model(catalogue: Catalogue, name: str) -> Production:
    """A production model by its name; raises BadConfiguration naming those there are."""
    if name not in catalogue.production:
        raise BadConfiguration(f"no production model {name!r}; there are {', '.join(catalogue.production)}")
    return catalogue.production[name]
