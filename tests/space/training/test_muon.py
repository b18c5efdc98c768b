import copy

import pytest
import torch
from torch import nn

from space.training.muon import LARGEST_SIDE, Muon, orthogonal, orthogonalised
from space.training.step import MOMENTUM, optimizer


@pytest.mark.parametrize("shape", [(24, 16), (16, 27), (128, 96), (64, 32), (1, 9)])
def test_no_direction_is_longer_than_another(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    # One direction is a hundred times as long as the others: gradients are like that.
    matrix[:, 0] *= 100
    lengths = torch.linalg.svdvals(orthogonal(matrix))
    assert lengths.min() > 0.3
    assert lengths.max() < 1.3
    # The directions are the same: nothing is turned round.
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert (left.T @ orthogonal(matrix) @ right.T).diag().min() > 0.3


def test_a_gradient_of_zeros_moves_nothing() -> None:
    assert not orthogonal(torch.zeros(4, 3)).any()


@pytest.mark.parametrize(
    ("layer", "takes_orthogonal_steps"),
    [
        (nn.Conv2d(3, 16, 3), True),
        (nn.Conv2d(16, 24, 1), True),
        (nn.Conv2d(16, 16, 3, groups=16), False),
        (nn.Conv2d(LARGEST_SIDE, 500, 1), True),
        (nn.Conv2d(LARGEST_SIDE + 1, 500, 1), False),
        (nn.Linear(16, 10), False),
        (nn.BatchNorm2d(16), False),
    ],
    ids=str,
)
def test_convolutions_take_orthogonal_steps_where_those_cost_little(
    layer: nn.Module, takes_orthogonal_steps: bool
) -> None:
    assert orthogonalised(next(layer.parameters())) == takes_orthogonal_steps


def test_all_but_the_convolutions_go_as_with_sgd() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(),
                          nn.Linear(32, 10))  # fmt: skip
    copied = copy.deepcopy(model)
    ours, sgd = optimizer(model, "muon", 0.1, 1e-2), optimizer(copied, "sgd", 0.1, 1e-2)
    assert isinstance(ours, Muon)
    for _ in range(3):
        # The gradients are given: what the convolution does has no part in the others'.
        for weight, twin in zip(model.parameters(), copied.parameters(), strict=True):
            weight.grad = torch.randn_like(weight)
            twin.grad = weight.grad.clone()
        ours.step()
        sgd.step()
    for (name, weight), twin in zip(model.named_parameters(), copied.parameters(), strict=True):
        assert torch.equal(weight, twin) == (name != "0.weight"), name


def test_a_step_is_as_long_whatever_the_gradient() -> None:
    lengths = []
    for size in (1e-3, 1.0, 1e3):
        convolution = nn.Conv2d(16, 16, 1, bias=False)
        before = convolution.weight.detach().clone()
        steps = optimizer(convolution, "muon", 0.4, 0.0)
        convolution.weight.grad = size * torch.randn(before.shape, generator=torch.Generator().manual_seed(0))
        steps.step()
        lengths.append(float((convolution.weight.detach() - before).norm()))
    # An orthogonal matrix of 16 rows is 4 long; an eighth of the rate of it is taken.
    assert lengths == pytest.approx([0.4 / 8 * 4] * 3, rel=0.2)
    assert max(lengths) == pytest.approx(min(lengths), rel=1e-3)


def test_its_momenta_are_kept_and_read_back() -> None:
    def trained(steps: int, state: dict[str, object] | None, weights: nn.Module) -> tuple[nn.Module, Muon]:
        draw = torch.Generator().manual_seed(steps)
        model = copy.deepcopy(weights)
        ours = optimizer(model, "muon", 0.1, 0.0)
        assert isinstance(ours, Muon)
        if state:
            ours.load_state_dict(state)
        for _ in range(3):
            for weight in model.parameters():
                weight.grad = torch.randn(weight.shape, generator=draw)
            ours.step()
        return model, ours

    fresh = nn.Conv2d(8, 8, 1)
    halfway, ours = trained(3, None, fresh)
    end, _ = trained(4, ours.state_dict(), halfway)
    without, _ = trained(4, None, halfway)
    momenta = ours.state[next(halfway.parameters())]["momentum_buffer"]
    assert momenta.abs().max() > 0
    assert not torch.equal(end.get_parameter("weight"), without.get_parameter("weight"))
    assert ours.defaults["momentum"] == MOMENTUM
