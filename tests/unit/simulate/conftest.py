"""One small and one full city for all tests here."""

import pytest

from waysight.simulate.city import City, build_city

START_MS = 1_794_805_200_000


@pytest.fixture(scope="session")
def city() -> City:
    """The demo's city."""
    return build_city(7, 60.0, START_MS)
