from __future__ import annotations

import numpy as np

from isogloss.data.sampling import sampled_places


def test_all_where_there_are_few_else_a_fixed_draw_in_order() -> None:
    assert sampled_places(3, 4, 0).tolist() == [0, 1, 2]
    drawn = sampled_places(1_000, 10, 5)
    assert len(set(drawn.tolist())) == 10
    assert (np.diff(drawn) > 0).all()
    np.testing.assert_array_equal(drawn, sampled_places(1_000, 10, 5))
    assert drawn.tolist() != sampled_places(1_000, 10, 6).tolist()
