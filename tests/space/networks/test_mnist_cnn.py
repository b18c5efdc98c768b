import pytest
import torch

from space.dimensions import dimensions
from space.errors import RequestError
from space.grid import grid
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.network import Network, unpruned
from space.pruning.channels import shrink
from tests.contracts.network import NetworkContract


class TestMnistCnn(NetworkContract):
    @pytest.fixture
    def network(self) -> Network:
        return MNIST_CNN


def test_unpruned_it_is_the_published_network() -> None:
    """Parameters as pytorch/examples prints them; the order of its state_dict is that of `main.Net`."""
    whole = unpruned(MNIST_CNN)
    model = MNIST_CNN.built(whole.widths, whole.halvings, MNIST_CNN.image, MNIST_CNN.classes)
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_199_882
    assert [tuple(tensor.shape) for tensor in model.state_dict().values()] == [
        (32, 1, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, 9216), (128,), (10, 128), (10,)
    ]  # fmt: skip


@pytest.mark.parametrize("space", ["full", "int8"])
def test_nothing_judges_by_the_scales_of_a_batchnorm(space: str) -> None:
    names = {dimension.name: dimension for dimension in dimensions(space, 2, architecture=MNIST_CNN.name)}
    assert names["criterion"].choices == ("l1", "l2", "random", "fpgm")
    for criterion in ("bn_scale", "slimming"):
        with pytest.raises(RequestError, match=f"criterion={criterion}: criterion is one of l1, l2, random, fpgm$"):
            dimensions(space, 2, {"criterion": criterion}, MNIST_CNN.name)
        with pytest.raises(RequestError, match=r"BatchNorm, and MNIST CNN has none; choose l1, l2, random, fpgm$"):
            grid((0.5,), (0,), ("none",), (criterion,), unpruned=True, architecture=MNIST_CNN.name)


@pytest.mark.parametrize("widths", [(32, 64, 0), (8, 8, 0), (16, 0, 0)])
def test_a_layer_that_reads_more_values_than_before_answers_no_louder(widths: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    whole = MNIST_CNN.built((32, 64, 128), (), MNIST_CNN.image, 10).eval()
    images = torch.rand(16, 1, 28, 28)
    with torch.inference_mode():
        # Ten to a hundred times as loud is what copies of the same weights would be.
        assert shrink(whole, widths, ())(images).std() < 5 * whole(images).std()
