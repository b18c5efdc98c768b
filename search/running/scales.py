"""Scales: the widths that the scales of a trained network leave a grid, worked out once for a baseline and kept."""

from dataclasses import replace

from search.building.builders import Builders, built
from search.building.tasks import scaled_widths
from search.running.view import View
from search.settings.settings import Settings
from search.store.scaled_fact import scaled_fact
from search.store.store import Store
from space.baseline import Baseline
from space.data.sources import Source
from space.pruning import scaled


def known_scales(chosen: Settings, store: Store | None, baseline: Baseline | None) -> Settings:
    """The settings with what the store knows of scales; where it knows nothing a plan takes channels to go evenly."""
    if chosen.grid is None or store is None or baseline is None:
        return chosen
    return replace(chosen, grid=chosen.grid.with_scales(store.fact, baseline.id, chosen.architecture))


def have_scales(
    chosen: Settings, store: Store, builder: Builders, baseline: Baseline, source: Source, view: View
) -> Settings:
    """Works scales out before a study with them is opened: its table has them."""
    grid = chosen.grid
    if grid is None:
        return chosen
    whole = grid.whole(chosen.architecture)
    for criterion in grid.judged_by_scale:
        name = scaled_fact(baseline.id, criterion, whole)
        known = dict(scaled.scaled_widths(store.fact(name) or ""))
        missing = [fraction for fraction in grid.fractions if (criterion, fraction) not in known]
        if not missing:
            continue
        view.begin(f"widths by {criterion}: ")
        task = builder.submit(
            scaled_widths, store.folder, baseline, source, criterion, missing, whole, chosen.accelerator
        )
        store.remember(name, scaled.scaled_text(known | built(task)))
    return known_scales(chosen, store, baseline)
