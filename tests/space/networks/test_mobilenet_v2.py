"""MobileNetV2: what is published of it, what its parts have to do with each other, and files of others."""

from pathlib import Path

import pytest
import torch
from torch import nn

from space.checkpoint import read_checkpoint
from space.data.images import DataSet
from space.dimension import Integer
from space.dimensions import dimensions, near, recipe_of, values_of
from space.errors import RequestError
from space.formats.format import Format
from space.networks.choose import layers_of
from space.networks.mobilenet_v2.description import MOBILENET_V2
from space.networks.mobilenet_v2.network import MobileNetV2
from space.networks.mobilenet_v2.shape import BLOCKS, HALVINGS, HEAD, STEM, UNIT_NAMES, WIDTHS, inverted
from space.networks.network import Network, unpruned
from space.pruning.channels import channel_fraction_pruning, remove_channel
from space.recipe import Recipe
from tests.conftest import stirred
from tests.contracts.network import NetworkContract
from tests.space.test_dimensions import drawn


class TestMobileNetV2(NetworkContract):
    @pytest.fixture
    def network(self) -> Network:
        return MOBILENET_V2

    @pytest.mark.parametrize("equalized", [False, True])
    def test_sums_in_static_int8_give_most_of_the_same_answers(
        self, network: Network, data: DataSet, file_format: Format, tmp_path: Path, equalized: bool
    ) -> None:
        widths = {"stem": 16, "stage1": 16, "block02": 48, "stage2": 24, "block03": 48, "block04": 96, "stage3": 32}
        recipe = Recipe(
            architecture=network.name,
            widths=_few(widths | {"block05": 96, "block06": 64, "head": 128}),
            halvings=(STEM, place("block02"), place("block04")),
        )
        assert sum(block.shortcut for block in inverted(recipe.widths, recipe.halvings)) == 3
        self.answers_alike_in_integers(network, recipe, data, file_format, tmp_path, equalized)


def widths_without(*names: str) -> tuple[int, ...]:
    assert {*names} <= {*UNIT_NAMES}
    return tuple(0 if name in names else width for name, width in zip(UNIT_NAMES, WIDTHS, strict=True))


def place(name: str) -> int:
    return UNIT_NAMES.index(name)


def test_it_has_the_published_parameters_and_macs():
    assert sum(parameter.numel() for parameter in MobileNetV2().parameters()) == 2_236_682
    assert sum(layer.macs for layer in layers_of(unpruned(MOBILENET_V2))) == 87_976_448


def published(classes: int = 10) -> nn.Module:
    """torchvision's, for images of 32 pixels: chenyaofo/pytorch-cifar-models halves neither in the stem nor in the
    second stage, and its checkpoints lie in this order."""
    # It takes two seconds to load, and each of the test processes collects this module.
    from torchvision.models import mobilenet_v2
    from torchvision.models.mobilenetv2 import InvertedResidual

    network = mobilenet_v2(num_classes=classes)
    network.features[0][0].stride = (1, 1)
    first_of_second_stage = [module for module in network.features if isinstance(module, InvertedResidual)][1]
    first_of_second_stage.conv[1][0].stride = (1, 1)
    return network


@pytest.fixture
def checkpoint(tmp_path: Path) -> tuple[nn.Module, Path]:
    torch.manual_seed(0)
    network = stirred(published())
    torch.save({"state_dict": network.state_dict()}, tmp_path / "published.pt")
    return network, tmp_path / "published.pt"


def test_a_checkpoint_in_the_published_order_answers_as_it_did(checkpoint):
    network, path = checkpoint
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(read_checkpoint(path, MOBILENET_V2)(images), network(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("stage", [name for name in UNIT_NAMES if name.startswith("stage") and name != "stage1"])
def test_a_stage_gone_and_all_of_its_blocks_gone_are_one_recipe(stage):
    table = dimensions("full", 2, architecture=MOBILENET_V2.name)
    blocks = [block.name for block in BLOCKS if UNIT_NAMES[block.stage] == stage]
    values = near(unpruned(MOBILENET_V2), table)
    assert values is not None
    last = {unit.name: len(unit.widths) for unit in MOBILENET_V2.units}
    without_stage = values | {f"{stage}_narrowing": last[stage]}
    without_blocks = values | {f"{name}_narrowing": last[name] for name in blocks}
    recipe = recipe_of(without_stage)
    assert recipe == recipe_of(without_blocks)
    assert recipe.id == recipe_of(without_blocks).id
    assert recipe.widths == widths_without(stage, *blocks)
    one_left = values | {f"{name}_narrowing": last[name] for name in blocks[1:]}
    assert recipe_of(one_left).widths == widths_without(*blocks[1:])


@pytest.mark.parametrize(("name", "companion"), [("block04", "stage3"), ("stage3", "block04"), ("block06", "stage3")])
def test_what_a_unit_that_is_fixed_needs_is_there_too(name, companion):
    free = {dimension.name: dimension for dimension in dimensions("full", 2, architecture=MOBILENET_V2.name)}
    table = dimensions("full", 2, {f"{name}_narrowing": "2"}, architecture=MOBILENET_V2.name)
    changed = {dimension.name for dimension in table if dimension != free[dimension.name]}
    assert changed == {f"{name}_narrowing", f"{companion}_narrowing"}
    # Nothing else need be there.
    fewest = {dimension.name: dimension.high if isinstance(dimension, Integer) else dimension.choices[0]
              for dimension in table}  # fmt: skip
    recipe = recipe_of(fewest)
    assert {UNIT_NAMES[index] for index, width in enumerate(recipe.widths) if width} == {"stem", name, companion}
    assert values_of(recipe, table) is not None
    for values in drawn(table, 50):
        assert recipe_of(values).widths[place(name)] == MOBILENET_V2.units[place(name)].widths[2]


def test_a_unit_that_is_fixed_without_what_it_needs_is_refused():
    gone = str(len(MOBILENET_V2.units[place("stage3")].widths))
    fixed = {"block04_narrowing": "2", "stage3_narrowing": gone}
    with pytest.raises(RequestError, match=r"^--fix block04_narrowing: block04 .* while stage3 is fixed as gone; "):
        dimensions("full", 2, fixed, architecture=MOBILENET_V2.name)


def test_a_shape_whose_stage_lacks_its_blocks_is_refused():
    for names in (["stage2"], ["block02", "block03"], ["stage7"], ["block17"]):
        with pytest.raises(ValueError, match="stage is gone"):
            MOBILENET_V2.check_shape(widths_without(*names), ())


def test_shortcuts_are_where_a_block_keeps_size_and_stage():
    with_shortcut = {block.block.name for block in inverted(WIDTHS, HALVINGS) if block.shortcut}
    # Table 2 of the paper: all blocks of a stage but its first.
    assert with_shortcut == {f"block{number:02d}" for number in (3, 5, 6, 8, 9, 10, 12, 13, 15, 16)}
    moved = (*HALVINGS[:1], place("block05"), HALVINGS[2])
    assert not next(block for block in inverted(WIDTHS, moved) if block.block.name == "block05").shortcut
    assert not next(
        block for block in inverted(widths_without("block04"), ()) if block.block.name == "block05"
    ).shortcut
    # Two stages of one width have no map in common.
    level = tuple(16 if name in ("stage1", "stage2") else width for name, width in zip(UNIT_NAMES, WIDTHS, strict=True))
    assert not next(block for block in inverted(level, ()) if block.block.name == "block02").shortcut


def test_the_shortcut_adds_the_input():
    torch.manual_seed(0)
    model = stirred(MobileNetV2())
    images = torch.randn(2, 24, 8, 8, generator=torch.Generator().manual_seed(1))
    block = model.get_submodule("block03")
    with torch.inference_mode():
        result = images
        for module in block:
            result = module(result)
        torch.testing.assert_close(block(images), images + result)


def test_halvings_move_onto_blocks_and_stages():
    stages = tuple(sorted((STEM, place("stage1"), place("block02"))))
    sides = [layer.side for layer in MOBILENET_V2.layers(WIDTHS, stages, MOBILENET_V2.image, 10)]
    # Stem, depthwise and projection of the first block, expansion and depthwise of the second.
    assert sides[:5] == [16, 8, 8, 8, 4]
    model = MobileNetV2(WIDTHS, stages).eval()
    shapes: list[int] = []
    for name in ("stem.conv", "block01.depthwise", "block02.expand", "block02.depthwise"):
        model.get_submodule(name).register_forward_hook(lambda _, __, result: shapes.append(result.shape[-1]))
    with torch.inference_mode():
        model(torch.zeros(1, 3, 32, 32))
    assert shapes == [16, 8, 8, 4]
    # A later stage's width is made by several blocks: its first block halves, by its expansion.
    with pytest.raises(ValueError, match="stage2"):
        MOBILENET_V2.check_shape(WIDTHS, (place("stage2"),))
    with pytest.raises(ValueError, match="head"):
        MOBILENET_V2.check_shape(WIDTHS, (HEAD,))


def test_a_channel_of_a_stage_goes_in_every_block_that_adds_to_it():
    torch.manual_seed(0)
    model = channel_fraction_pruning(stirred(MobileNetV2()), 0.5)
    zeroed = [
        model.get_submodule(f"block{number:02d}.project").weight.detach().abs().sum(dim=(1, 2, 3)) == 0
        for number in (4, 5, 6)
    ]
    assert int(zeroed[0].sum()) == 16
    assert torch.equal(zeroed[0], zeroed[1])
    assert torch.equal(zeroed[0], zeroed[2])
    smaller = remove_channel(model)
    for number in (5, 6):
        assert smaller.get_submodule(f"block{number:02d}.expand").weight.shape[1] == 16
    assert smaller.get_submodule("block07.expand").weight.shape[1] == 16


def test_blocks_of_one_width_with_and_without_a_shortcut_are_not_one_network():
    """Two blocks of one stage, or one block of each of two: the same layers, once with a sum."""
    one_stage = _few({"stem": 16, "block02": 48, "stage2": 24, "block03": 48})
    two_stages = _few({"stem": 16, "block02": 48, "stage2": 24, "block04": 48, "stage3": 24})
    assert MOBILENET_V2.layers(one_stage, (), MOBILENET_V2.image, 10) == MOBILENET_V2.layers(
        two_stages, (), MOBILENET_V2.image, 10
    )
    assert MOBILENET_V2.same(one_stage, ()) != MOBILENET_V2.same(two_stages, ())
    elsewhere = _few({"stem": 16, "block11": 48, "stage5": 24})
    assert MOBILENET_V2.same(elsewhere, ()) == MOBILENET_V2.same(_few({"stem": 16, "block02": 48, "stage2": 24}), ())


def _few(widths: dict[str, int]) -> tuple[int, ...]:
    return tuple(widths.get(name, 0) for name in UNIT_NAMES)
