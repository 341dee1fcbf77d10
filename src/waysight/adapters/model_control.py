"""A running Triton's model control: load again what changed in its repository (tritonclient)."""

from __future__ import annotations

from collections.abc import Sequence

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from waysight.errors import EngineDown

TIMEOUT_S = 120.0


def load_models(address: str, names: Sequence[str]) -> None:
    """Load models anew, in this order; each old one answers until the new one is ready.

    Raises EngineDown when the server does not answer or refuses; what was loaded before then still serves.
    """
    with triton.InferenceServerClient(address) as client:
        for name in names:
            try:
                client.load_model(name, client_timeout=TIMEOUT_S)
            except InferenceServerException as error:
                raise EngineDown(f"Triton at {address} did not load {name}: {error}") from error


def states(address: str) -> dict[str, str]:
    """Each model that the server knows with its state, e.g. READY; raises EngineDown."""
    try:
        with triton.InferenceServerClient(address) as client:
            index = client.get_model_repository_index(as_json=True, client_timeout=TIMEOUT_S)
    except InferenceServerException as error:
        raise EngineDown(f"Triton at {address} did not answer: {error}") from error
    # Folders of the repository that hold no model are listed, too, without a state.
    return {model["name"]: str(model["state"]) for model in index.get("models", []) if "state" in model}
