from __future__ import annotations

import torch
from torch import nn

from isogloss.models.averaging import WeightAverage


def layers(count: int) -> list[nn.Linear]:
    generator = torch.Generator().manual_seed(0)
    made = [nn.Linear(5, 3) for _ in range(count)]
    for layer in made:
        for parameter in layer.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
    return made


def test_the_mean_is_that_of_all_in_any_number() -> None:
    made, average = layers(7), WeightAverage()
    for layer in made:
        average.add(layer)
    assert average.count == 7
    wanted = torch.stack([layer.weight.double() for layer in made]).mean(0)
    torch.testing.assert_close(average.mean["weight"].double(), wanted, atol=1e-6, rtol=0)


def test_equal_weights_stay_to_the_last_bit() -> None:
    layer, average = layers(1)[0], WeightAverage()
    for _ in range(7):
        average.add(layer)
    assert torch.equal(average.mean["weight"], layer.weight)


def test_what_is_added_later_moves_no_earlier_snapshot() -> None:
    layer, average = layers(1)[0], WeightAverage()
    before = layer.weight.detach().clone()
    average.add(layer)
    layer.weight.data += 1.0
    assert torch.equal(average.mean["weight"], before)
    average.put_into(layer)
    assert torch.equal(layer.weight, before)


def test_frozen_weights_are_left_alone() -> None:
    (one, other), average = layers(2), WeightAverage()
    for layer in (one, other):
        layer.bias.requires_grad_(False)
        average.add(layer)
    bias = other.bias.clone()
    average.put_into(other)
    assert list(average.mean) == ["weight"]
    assert torch.equal(other.bias, bias)


def test_half_precision_is_averaged_in_single() -> None:
    made, average = [layer.to(torch.bfloat16) for layer in layers(3)], WeightAverage()
    for layer in made:
        average.add(layer)
    assert average.mean["weight"].dtype == torch.float32
    wanted = torch.stack([layer.weight.float() for layer in made]).mean(0)
    torch.testing.assert_close(average.mean["weight"], wanted, atol=1e-6, rtol=0)
    average.put_into(made[0])
    assert torch.equal(made[0].weight, average.mean["weight"].to(torch.bfloat16))
