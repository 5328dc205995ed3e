"""Cursors of an address name places on a list, whatever number it is sorted by there."""

from __future__ import annotations

import pytest

from trackstar_db.viewer.places import Place, parse_place


@pytest.mark.parametrize("value", [None, 0, 7, 9 * 10**18, 0.0, 0.25, 1e-05, 2.2250738585072014e-308, -1.5e-07, 1e16])
@pytest.mark.parametrize("is_before", [False, True])
def test_a_cursor_names_the_place_that_it_was_made_of(value: float | None, is_before: bool) -> None:
    place = Place(is_before, value, 12)

    assert parse_place(str(place)) == place
