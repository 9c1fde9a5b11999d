"""Classifiers with their parameters sharded over processes (FSDP), as far as a CPU has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from isogloss.models.features import FeatureClassifier
from isogloss.models.freezing import encoder_layers
from tests.helpers.models import random_batch, tiny_model
from tests.helpers.processes import together


def loss_of(classifier: torch.nn.Module) -> torch.Tensor:
    batch = random_batch(seed=5)
    rows = torch.arange(len(batch["input_ids"]))
    output = classifier(**batch, active_rows=rows, active_positions=torch.zeros_like(rows))
    return torch.nn.functional.cross_entropy(output.logits, rows % 3)


def trained(processes: int) -> tuple[list[float], dict[str, np.ndarray]]:
    """Three steps of SGD; the losses, and the whole parameters afterwards."""
    torch.set_num_threads(1)
    classifier = FeatureClassifier(tiny_model("bert"))
    if processes > 1:
        torch.distributed.init_process_group("gloo")
        mesh = init_device_mesh("cpu", (processes,))
        for layer in encoder_layers(classifier.encoder):
            fully_shard(layer, mesh=mesh)
        fully_shard(classifier, mesh=mesh)
    optimizer = torch.optim.SGD(classifier.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        loss = loss_of(classifier)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    whole = {
        name: (p.full_tensor() if processes > 1 else p).detach().numpy().copy()
        for name, p in classifier.named_parameters()
    }
    return losses, whole


@pytest.mark.slow
def test_sharded_parameters_train_as_whole_ones_do(tmp_path: Path) -> None:
    losses, whole = trained(1)
    for other, parameters in together(tmp_path, 2, trained, 2):
        np.testing.assert_allclose(other, losses, atol=1e-5)
        assert parameters.keys() == whole.keys()
        for name, value in parameters.items():
            np.testing.assert_allclose(value, whole[name], atol=1e-5, err_msg=name)
