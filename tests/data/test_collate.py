from __future__ import annotations

import torch

from isogloss.data.collate import RowCollator


def example(ids: list[int], active: list[int], **more: object) -> dict[str, object]:
    return {"input_ids": ids, "active": active, **more}


def test_rows_point_back_to_their_tokens() -> None:
    collate = RowCollator(pad_token_id=9, pad_to_multiple_of=4)
    batch = collate(
        [
            example([1, 2, 3], [1], labels=[7]),
            example([4, 5, 6, 7, 8], [1, 3], is_target=True),
        ]
    )
    assert batch["input_ids"].tolist() == [[1, 2, 3, 9, 9, 9, 9, 9], [4, 5, 6, 7, 8, 9, 9, 9]]
    assert batch["attention_mask"].sum(1).tolist() == [3, 5]
    assert batch["active_rows"].tolist() == [0, 1, 1]
    assert batch["active_positions"].tolist() == [1, 1, 3]
    assert batch["labels"].tolist() == [7, -100, -100]
    assert batch["is_target"].tolist() == [False, True, True]
    gathered = batch["input_ids"][batch["active_rows"], batch["active_positions"]]
    assert gathered.tolist() == [2, 5, 7]


def test_label_ids_of_any_size_survive() -> None:
    """Fault 7: nothing but -100 means "no label"."""
    batch = RowCollator(pad_token_id=0)([example([1, 2], [0, 1], labels=[100, 250])])
    assert batch["labels"].tolist() == [100, 250]


def test_example_without_active_positions_has_no_rows() -> None:
    batch = RowCollator(pad_token_id=0)(
        [example([1], [], labels=[]), example([1], [0], labels=[2])]
    )
    assert batch["active_rows"].tolist() == [1]
    assert batch["labels"].dtype == torch.int64


def test_token_types_are_padded_with_zero() -> None:
    batch = RowCollator(pad_token_id=5)(
        [
            example([1, 2], [0], token_type_ids=[0, 1]),
            example([1, 2, 3], [0], token_type_ids=[1] * 3),
        ]
    )
    assert batch["token_type_ids"].tolist() == [[0, 1, 0], [1, 1, 1]]
