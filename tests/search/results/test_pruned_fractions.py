import pytest

from search.results.pruned_fractions import fraction_text, mean_fraction, uniform_fraction
from tests.search.made_up import recipe
from tests.search.settings.made_up_grid import pruned


@pytest.mark.parametrize("fraction", [0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.33, 0.4, 0.5, 0.75, 0.84, 0.9, 0.95, 0.99])
def test_a_uniform_fraction_is_found_again_from_the_widths(fraction):
    pruned_recipe = recipe(widths=pruned(fraction))
    assert uniform_fraction(pruned_recipe) == pytest.approx(fraction)
    assert fraction_text(pruned_recipe) == f"{fraction:.2f}"


def test_widths_of_different_fractions_have_no_one_fraction():
    pruned_recipe = recipe(widths=(*pruned(0.5)[:-1], 128))
    assert uniform_fraction(pruned_recipe) is None
    assert mean_fraction(pruned_recipe) == pytest.approx((13 * 0.5 + 0.875) / 14)
    assert fraction_text(pruned_recipe) == "0.50 to 0.88, mean 0.53"


def test_a_removed_block_is_no_uniform_fraction():
    assert uniform_fraction(recipe(widths=(*pruned(0.5)[:7], 0, *pruned(0.5)[8:]))) is None


def test_of_an_unknown_architecture_nothing_is_said():
    unknown = recipe(architecture="another")
    assert (uniform_fraction(unknown), mean_fraction(unknown), fraction_text(unknown)) == (None, None, "-")
