"""Decks: which slides make which file."""

from collections.abc import Callable
from pathlib import Path

from pptx.presentation import Presentation as Deck

from search.deck import slides
from search.deck.material import Material
from search.deck.page import new_deck
from space.files import written_whole

Slide = Callable[[Deck, Material, str], None]

_MILESTONE: tuple[Slide, ...] = (slides.cover, slides.approach, slides.table, slides.charts, slides.conclusion)
DECKS: dict[str, tuple[Slide, ...]] = {
    "m1": _MILESTONE,
    "m2": _MILESTONE,
    "m3": (slides.handed_in,),
    "front": (
        slides.cover,
        slides.front_latency,
        slides.front_energy,
        slides.fom_by_trial,
        slides.widths,
        slides.time_spent,
        slides.table,
    ),
}


def write_deck(path: Path, name: str, made: Material) -> int:
    """How many slides it has."""
    deck = new_deck()
    for slide in DECKS[name]:
        slide(deck, made, name)
    properties = deck.core_properties
    properties.title, properties.author = made.cover.title or made.goal.id, made.cover.members or "ondevice-search"
    with written_whole(path) as beside:
        deck.save(str(beside))
    return len(deck.slides)
