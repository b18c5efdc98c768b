"""Decks: which slides make which file."""

from collections.abc import Callable
from pathlib import Path

from pptx.presentation import Presentation as Deck

from search.export.deck import front_slides, method_slides, milestone_slides, slides
from search.export.deck.material import Material
from search.export.deck.slide import new_deck
from space.files import written_whole

Slide = Callable[[Deck, Material, str], None]

_MILESTONE: tuple[Slide, ...] = (
    slides.cover,
    milestone_slides.approach,
    slides.table,
    milestone_slides.charts,
    milestone_slides.conclusion,
)
DECKS: dict[str, tuple[Slide, ...]] = {
    "m1": _MILESTONE,
    "m2": _MILESTONE,
    "grid": (
        slides.cover,
        milestone_slides.approach,
        milestone_slides.beside_unpruned,
        milestone_slides.charts,
        milestone_slides.conclusion,
    ),
    "methods": (
        slides.cover,
        method_slides.approach,
        *method_slides.TABLES,
        method_slides.averages,
        *method_slides.FIGURES,
        method_slides.conclusion,
    ),
    "m3": (slides.handed_in,),
    "front": (
        slides.cover,
        *front_slides.FRONTS,
        front_slides.fom_by_trial,
        front_slides.widths,
        front_slides.time_spent,
        slides.table,
    ),
}


def write_deck(path: Path, name: str, material: Material) -> int:
    """How many slides it has."""
    deck = new_deck()
    for slide in DECKS[name]:
        slide(deck, material, name)
    properties = deck.core_properties
    properties.title = material.cover.title or material.goal.id
    properties.author = material.cover.members or "ondevice-search"
    with written_whole(path) as beside:
        deck.save(str(beside))
    return len(deck.slides)
