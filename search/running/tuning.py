"""Tuning: a leader at the runtimes and settings that were not tried with it; on the device, nothing is trained."""

from collections.abc import Iterator
from dataclasses import replace

from search.building.builders import Builders, built
from search.building.tasks import carry_out
from search.measuring.rig import Rig, at_runtime, subject_of
from search.results.wording import beside_default, number, settings_text
from search.running.view import View
from search.scoring.lead import Lead
from search.scoring.objectives import OBJECTIVES
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from space.baseline import Baseline
from space.data.sources import Source
from space.dimensions import dimensions, runtimes_in
from space.errors import CandidateError
from space.formats.quantizations import counterpart
from space.formats.target import format_of
from space.recipe import Recipe


def tune(
    leader: Evaluation,
    goal: Goal,
    store: Store,
    rig: Rig,
    builder: Builders,
    baseline: Baseline,
    source: Source,
    view: View,
) -> None:
    """Times the leader at every setting that the study's runtimes have; each is a candidate like any other, and judged
    as one."""
    lead = Lead(OBJECTIVES[goal.objective], leader, rig.least_w, rig.reference)
    race = lead.race(leader.validation.share)
    timed = []
    for recipe in recipes(leader.candidate.recipe, goal, rig):
        if store.evaluation(recipe.id, goal) is None:
            view.begin(f"{leader.recipe_id} at {settings_text(recipe)}, {recipe.graph_optimization}: ")
            try:
                tuned = built(builder.submit(carry_out, recipe, store.folder, baseline, source))
                measured = rig.measure(subject_of(tuned.candidate), race).result()
            except CandidateError as error:
                # A recording holds the settings that were measured.
                view.say(f"{recipe.id}: {error}")
                continue
            store.add_candidate(tuned.candidate, goal.baseline_id, tuned.validation)
            store.add_measured(recipe.structure_id, goal.bench_id, measured)
        evaluation = store.evaluation(recipe.id, goal)
        assert evaluation is not None
        latency_s = evaluation.figures.latency_s
        timed.append((latency_s, f"{_short(recipe)} {number(1e3 * latency_s)}"))
    view.say(f"{leader.recipe_id} at threads/graph optimization, ms: {', '.join(text for _, text in sorted(timed))}")


def recipes(recipe: Recipe, goal: Goal, rig: Rig) -> Iterator[Recipe]:
    """The recipe at every setting of the runtimes that compete in the study; where a runtime's files lack the
    quantization, in the one that they have in its place."""
    fixed = goal.fixed_values
    competing = runtimes_in(dimensions(goal.space, rig.cores, fixed, goal.architecture, rig.runtimes))
    for settings in rig.tuned():
        if settings.runtime not in competing:
            continue
        tuned = at_runtime(recipe, settings)
        quantization = counterpart(recipe.quantization, format_of(tuned).quantizations)
        if quantization == fixed.get("quantization", quantization) and quantization is not None:
            yield replace(tuned, quantization=quantization)


def _short(recipe: Recipe) -> str:
    spinning = " spinning" if recipe.spinning else ""
    return f"{recipe.threads}{spinning}/{recipe.graph_optimization}{beside_default(recipe)}"
