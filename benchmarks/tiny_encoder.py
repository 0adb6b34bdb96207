"""An encoder that costs next to nothing, so that a measurement is of everything else."""

import torch

from curator.encoders.own import OwnEncoder

SIDE, DIM = 8, 64


def pixels() -> OwnEncoder:
    """A fixed random projection of 8 x 8 pixels to 64 features."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIDE * SIDE, DIM, bias=False))
    drawn = torch.randn(DIM, 3 * SIDE * SIDE, generator=torch.Generator().manual_seed(0))
    network.load_state_dict({"1.weight": drawn / SIDE})
    return OwnEncoder(network.eval(), SIDE, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), resize="squash")
