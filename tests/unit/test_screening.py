"""The least confidence of each plate, from columns."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waysight.streaming.sighting_screening import least


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), max_size=4), max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_the_least_of_each_list(lists: list[list[float]], begin: int, length: int) -> None:
    column = pa.array(lists, pa.list_(pa.float32())).slice(begin, length)
    expected = [min(one, default=1.0) for one in lists[begin : begin + length]]
    assert least(column).tolist() == pytest.approx(expected)
