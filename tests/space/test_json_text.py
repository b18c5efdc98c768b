"""What is stored is read strictly, and what is wrong is named by its field."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluators.measurement import Accuracy, Figures
from space.candidate import Candidate
from space.errors import RequestError
from space.json_text import from_json
from space.recipe import Recipe
from tests.search.made_up import evaluation, figures


@dataclass(frozen=True, slots=True)
class Noun:
    names: tuple[str, ...]
    pair: tuple[float, float] | None = None
    path: Path = Path("a")


def test_a_noun_comes_back_as_it_was():
    readers = {"path": Path("folder").joinpath}
    text = '{"names": ["a", "b"], "pair": [1, Infinity], "path": "file"}'
    assert from_json(Noun, text, readers) == Noun(("a", "b"), (1.0, math.inf), Path("folder/file"))
    assert from_json(Noun, '{"names": []}') == Noun(())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"names": "a"}', r"Noun: Expected `array`, got `str` - at `\$.names`"),
        ('{"names": ["a", 1]}', r"Noun: Expected `str`, got `int` - at `\$.names\[1\]`"),
        ('{"names": [], "pair": [1]}', r"Noun: Expected `array` of length 2, got 1 - at `\$.pair`"),
        ("{}", "Noun: Object missing required field `names`"),
        ('{"names": [], "age": 3}', "Noun: unknown field age; is it a newer version's"),
        ("[]", "Noun: list in the place of its fields"),
        ("{", "Expecting property name"),
    ],
)
def test_what_does_not_fit_is_named(text, reason):
    with pytest.raises(ValueError, match=reason):
        from_json(Noun, text)


def test_what_is_stored_comes_back_as_it_was():
    stored = evaluation(relative_latency_ci=(0.1, math.inf), dirty=("others",), pairs=(0.5,))
    assert Figures.from_json(stored.figures.to_json()) == stored.figures
    confused = Accuracy.of([0, 1, 1], [0, 1, 0], "test")
    assert Accuracy.from_json(confused.to_json()) == confused
    back = Candidate.from_json(stored.candidate.to_json(), Path("there"))
    assert back.recipe == stored.candidate.recipe
    assert back.file == Path("there") / stored.candidate.file
    with pytest.raises(ValueError, match="is no provenance"):
        Figures.from_json(figures().to_json().replace("measured (", "guessed ("))


def test_a_whole_number_in_the_place_of_a_fraction_keeps_the_id_of_its_recipe():
    """Ids are hashes of text, in which 1 and 1.0 differ."""
    recipe = Recipe(widths=(8,), halvings=(), distillation=1)
    assert recipe.id != Recipe(widths=(8,), halvings=(), distillation=1.0).id
    assert Recipe.from_json(recipe.to_json()).id == recipe.id


def test_a_recipe_of_another_version_is_named():
    for values in ({"colour": "red"}, {"epochs": "three"}, {"halvings": None}):
        text = json.dumps({**Recipe(widths=(8,), halvings=()).as_dict(), **values})
        with pytest.raises(RequestError, match=f"not a recipe of this version: Recipe: .*{next(iter(values))}"):
            Recipe.from_json(text)
