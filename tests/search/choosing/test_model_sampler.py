"""The model sampler in a made-up world, whose latency and accuracy hang on the network's shape."""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import optuna
import pytest

from search.choosing import options
from search.choosing.contenders import _lengths, contender
from search.choosing.error_model import Trained, prior
from search.choosing.experience import NO_EXPERIENCE, Experience
from search.choosing.forecast import Forecast, Forecaster
from search.choosing.model_sampler import ModelSampler, _costs, _most_promising, _suggested, front_of
from search.choosing.options import NEVER, RUNGS, Option, rungs, shape
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.sampler import SpaceExhausted, distributions
from search.choosing.situation import Situation
from search.choosing.time_left import Pace, TimeLeft, cost
from search.choosing.trial_notes import GATED_BY, TrialNotes, evaluation_attributes, history_of, notes_of
from search.scoring.objectives import OBJECTIVES, Objective
from space.dimensions import MOST_AWARE_EPOCHS, dimensions, near, recipe_of
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.layers import layers, strides
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import thinned
from space.recipe import Recipe
from space.training.speed import Speed, Trainings
from tests.search.choosing.ladder import ladder, ladder_values
from tests.search.made_up import distinct, evaluation

FIRST, SECOND = "onnxruntime", "litert"
TABLE = dimensions("full", 2)
BOTH = dimensions("full", 2, runtimes=(FIRST, SECOND))
FOM, LATENCY = OBJECTIVES["fom"], OBJECTIVES["latency"]
LINE = 0.70


def latency_ms(recipe: Recipe) -> float:
    """A little for every operator, a little for every million MACs; integers and threads do not help. In the second
    runtime operators cost next to nothing."""
    every_layer = layers(recipe.widths, recipe.halvings)
    if recipe.runtime == SECOND:
        whole = 1.3 if recipe.quantization != "none" or recipe.threads > 1 else 1.0
        return whole * (0.004 + 0.00005 * len(every_layer) + 0.017 * sum(layer.macs for layer in every_layer) / 1e6)
    penalty = 1.3 if recipe.quantization != "none" or recipe.threads > 1 else 1.0
    return penalty * (0.006 + 0.0011 * len(every_layer) + 0.017 * sum(layer.macs for layer in every_layer) / 1e6)


def accuracy(recipe: Recipe) -> float:
    macs = sum(layer.macs for layer in layers(recipe.widths, recipe.halvings)) / 1e6
    fat = next(width for width in reversed(recipe.widths) if width)
    return 1 - min(0.9, 0.33 * (macs / 0.5) ** -0.2 * (fat / 96) ** -0.08 * (max(recipe.epochs, 0.5) / 3) ** -0.15)


class World:
    """A study in it; every trial is told at once."""

    def __init__(
        self,
        name: str,
        seed: int,
        left_s=lambda: math.inf,
        epoch_s: float = 5.0,
        table=TABLE,
        *,
        line: float = LINE,
        begun: bool = True,
        time_left: TimeLeft | None = None,
        truth: Callable[[Recipe], float] = accuracy,
        experience: Experience = NO_EXPERIENCE,
    ) -> None:
        """`begun`: with networks of known shapes, by which the line is placed. `time_left`: in place of `left_s`.
        `truth`: the accuracy that a recipe reaches."""
        self.epoch_s, self.line, self.truth = epoch_s, line, truth
        known: set[str] = set()
        sampler = DistinctSampler(name, seed, table, known) if name != "model" else (
            ModelSampler(seed, table, known, FOM, line, time_left or TimeLeft(left_s), experience=experience)
        )  # fmt: skip
        self.known, self.table = known, table
        self.noise = random.Random(seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        self.asked: list[Recipe] = []
        for values in ladder_values(table)[:6] if begun else ():
            self.study.enqueue_trial(dict(values))

    def ask(self) -> optuna.Trial:
        trial = self.study.ask(distributions(self.table))
        recipe = recipe_of(trial.params)
        assert recipe.id not in self.known
        self.known.add(recipe.id)
        return trial

    def trial(self) -> Recipe:
        trial = self.ask()
        recipe = recipe_of(trial.params)
        right = self.truth(recipe) + self.noise.gauss(0, 0.004)
        result = evaluation(made=recipe, share=right, latency_ms=latency_ms(recipe) * self.noise.gauss(1, 0.01))
        score = FOM.score(result, self.line)
        result = replace(result, candidate=replace(result.candidate, seconds={"train": self.epoch_s * recipe.epochs}))
        for name, value in evaluation_attributes(result, FOM).items():
            trial.set_user_attr(name, value)
        trial.set_constraint("accuracy", score.violations["accuracy"])
        self.study.tell(trial, score.value)
        self.asked.append(recipe)
        return recipe

    def gate(self, trial: optuna.Trial) -> Recipe:
        recipe = recipe_of(trial.params)
        trial.set_user_attr(GATED_BY, "slower than the lead")
        trial.set_user_attr("log10 if every answer were right", 0.0)
        trial.set_user_attr("latency ms", latency_ms(recipe))
        trial.set_constraint("accuracy", LINE)
        self.study.tell(trial, 0.0)
        return recipe

    def lead(self, ahead: float) -> None:
        """The best trial again, better by a power of ten."""
        best = max(self.study.get_trials(), key=lambda trial: notes_of(trial).feasible_value or -math.inf)
        trial = optuna.trial.create_trial(
            value=best.value + ahead,
            params=best.params,
            distributions=best.distributions,
            constraints=best.constraints,
            user_attrs=best.user_attrs,
        )
        self.study.add_trial(trial)

    @property
    def best(self) -> float:
        history = map(notes_of, self.study.get_trials())
        return max(trial.feasible_value for trial in history if trial.feasible_value is not None)


def test_it_finds_better_networks_than_chance_in_the_same_trials():
    gains = []
    for seed in range(2):
        ours, chance = World("model", seed), World("random", seed)
        for _ in range(20):
            ours.trial()
            chance.trial()
        gains.append(ours.best - chance.best)
    assert min(gains) > 0.05


UNPRUNED_ACCURACY, HIGH = 0.88, 0.83


def kept(recipe: Recipe) -> float:
    """The accuracy of networks that keep of the unpruned one what they have of its blocks and widths."""
    shares = [width / whole for width, whole in zip(recipe.widths, WIDTHS, strict=True)]
    gone = sum(share == 0 for share in shares) / len(shares)
    width = statistics.mean(share for share in shares if share)
    return UNPRUNED_ACCURACY - 0.3 * gone + 0.03 * math.log2(width) + 0.005 * math.log2(max(recipe.epochs, 1) / 3)


def trials_until_the_high_line(experience: Experience) -> int:
    world = World("model", 0, lambda: 1e6, line=HIGH, truth=kept, experience=experience)
    for count in range(9):
        if kept(world.trial()) > HIGH:
            return count
    return 9


def test_a_line_near_the_unpruned_networks_accuracy_is_found_by_networks_near_it():
    """Six small networks are known, all of them far below: one of the first three trainings beside them holds it."""
    assert trials_until_the_high_line(Experience(unpruned_accuracy=UNPRUNED_ACCURACY)) <= 8


def test_the_other_files_of_what_misses_the_line_by_little_are_looked_at_before_anything_is_trained():
    half = replace(thinned(MOBILENET_V1, 0.5), quantization="static_int8", epochs=10)
    missing, holding = kept(half) - 0.015, kept(half)
    world = World("model", 0, lambda: 1e6, line=kept(half) - 0.01, begun=False,
                  truth=lambda recipe: holding if recipe.quantization == "none" else missing)  # fmt: skip
    values = near(half, TABLE)
    assert values is not None
    world.study.enqueue_trial(values)
    first, second, third = (world.trial() for _ in range(3))
    assert first.quantization == "static_int8"
    assert first.weights_id == second.weights_id == third.weights_id
    assert "none" in (second.quantization, third.quantization)
    # Nothing of a network that misses it by far: its other files do not hold it either.
    world = World("model", 0, lambda: 1e6, line=kept(half) + 0.05, begun=False, truth=kept)
    world.study.enqueue_trial(values)
    assert world.trial().weights_id != world.trial().weights_id


def test_a_network_is_trained_longer_step_by_step_and_only_where_it_looks_good():
    # An epoch takes long beside timing.
    world = World("model", 0, lambda: 1e6, epoch_s=60.0)
    recipes = [world.trial() for _ in range(30)]
    looks = [recipe for recipe in recipes[6:] if recipe.epochs == RUNGS[0]]
    longer = [recipe for recipe in recipes[6:] if recipe.epochs > RUNGS[0]]
    assert len(looks) > len(longer) > 0
    seen_before: dict[object, int] = {}
    for recipe in recipes:
        network = shape(recipe), recipe.quantization, recipe.threads, recipe.spinning
        assert recipe.epochs in rungs(TABLE)
        assert seen_before.get(network, 0) < recipe.epochs
        if recipe in longer:
            # Whatever runs it: a variant of weights that were trained needs no first look.
            assert network[0] in {known for known, *_ in seen_before}
        seen_before[network] = recipe.epochs


@cache
def on_the_front() -> list[Recipe]:
    return [replace(recipe_of(values), epochs=0) for values in front_of(TABLE, (), prior())]


def is_placing(recipe: Recipe) -> bool:
    return recipe.epochs == RUNGS[0] and replace(recipe, epochs=0) in on_the_front()


def test_a_search_begins_with_brief_trainings_of_the_front_where_the_line_may_lie():
    world = World("model", 0, lambda: 8 * 3600.0, begun=False)
    first = [world.trial() for _ in range(5)]
    placing = [recipe for recipe in first if is_placing(recipe)]
    # Variants of what holds the line may come in between.
    assert is_placing(first[0])
    assert len(placing) >= 3
    reached = [accuracy(recipe) for recipe in placing]
    # Neither end of the front says where it lies.
    assert min(reached) < LINE + 0.05
    assert max(reached) > LINE - 0.05


def test_in_a_run_of_minutes_the_line_is_placed_by_trainings_as_long_as_it_has_room_for():
    whole_s = 300.0
    time_left = TimeLeft(lambda: whole_s)
    world = World("model", 0, begun=False, time_left=time_left)
    recipes = [recipe_of(world.ask().params) for _ in range(5)]
    assert {replace(recipe, epochs=0) for recipe in recipes} <= set(on_the_front())
    seconds = [time_left.pace(()).training_s(recipe, recipe.epochs) for recipe in recipes]
    # All of them, and one more.
    assert max(seconds) <= whole_s / 6
    assert min(seconds) > whole_s / 6 - 10
    assert min(recipe.epochs for recipe in recipes) > RUNGS[0]


def test_an_ask_beside_others_counts_what_is_on_its_way():
    world = World("model", 0, lambda: 8 * 3600.0, begun=False)
    recipes = [recipe_of(world.ask().params) for _ in range(7)]
    assert [is_placing(recipe) for recipe in recipes] == [True] * 5 + [False] * 2
    assert len({(shape(recipe), recipe.epochs) for recipe in recipes}) == 7


def told(recipe: Recipe, share: float, objective: Objective = FOM) -> TrialNotes:
    """A trial of it that reached this accuracy."""
    score = objective.score(evaluation(made=recipe, share=share, latency_ms=latency_ms(recipe)), LINE)
    trial = optuna.trial.create_trial(
        value=score.value,
        constraints={"accuracy": score.violations["accuracy"]},
        user_attrs=evaluation_attributes(
            evaluation(made=recipe, share=share, latency_ms=latency_ms(recipe)), objective
        ),
        params=near(recipe, TABLE),
        distributions=distributions(TABLE),
    )
    notes = notes_of(trial)
    assert notes is not None
    return notes


def test_until_something_holds_the_line_what_is_slower_than_all_trials_improves_on_the_unpruned_network():
    small, *_, larger = sorted(ladder(), key=latency_ms)
    forecaster = Forecaster.fitted([told(small, 0.5, LATENCY)], (), LATENCY, LINE, prior())
    prediction = forecaster.forecast([(small, 10), (larger, 10)])
    assert (prediction.probability_better > 0.9).all()
    assert prediction.expected_improvement[1] > prediction.expected_improvement[0]


def test_the_leader_is_no_faster_than_itself_however_long_it_is_trained():
    leader, faster = sorted(map(recipe_of, ladder_values(TABLE)), key=latency_ms, reverse=True)[:2]
    forecaster = Forecaster.fitted([told(leader, 0.75, LATENCY)], (), LATENCY, LINE, prior())
    prediction = forecaster.forecast([(replace(leader, epochs=100), 100), (faster, 100)])
    assert prediction.probability_of_leading[0] == pytest.approx(0.0, abs=1e-6)
    assert prediction.probability_of_leading[1] > 0.1


def test_once_something_holds_the_line_nothing_slower_is_trained_to_place_it():
    # The third network of the front holds this line: two more would be trained to place it.
    line = 0.65
    world = World("model", 0, lambda: 8 * 3600.0, begun=False, line=line)
    while not any(accuracy(recipe) > line for recipe in world.asked):
        world.trial()
    leader = max((recipe for recipe in world.asked if accuracy(recipe) > line), key=lambda recipe: -latency_ms(recipe))
    later = [world.trial() for _ in range(6)]
    assert all(latency_ms(recipe) < 1.1 * latency_ms(leader) for recipe in later if is_placing(recipe))


def test_without_a_deadline_the_cheaper_half_of_the_front_places_the_line():
    # The line is a high one, so that it is the larger half of which it is uncertain whether they hold it.
    world = World("model", 0, line=0.9, begun=False)
    shapes = {shape(recipe): cost(recipe, 1) for recipe in on_the_front()}
    placing = [shapes[shape(recipe)] for recipe in (world.trial() for _ in range(5)) if shape(recipe) in shapes]
    assert placing
    assert max(placing) <= statistics.median(shapes.values())


def test_a_run_that_nothing_leads_yet_ends_with_what_surely_will():
    networks = sorted(ladder(), key=latency_ms)
    fast, sure = networks[5], networks[12]
    seen = [told(replace(networks[0], epochs=3), 0.5, LATENCY), told(replace(networks[10], epochs=3), 0.68, LATENCY)]

    def chosen(history: Sequence[TrialNotes]) -> Recipe:
        forecaster = Forecaster.fitted(history, (), LATENCY, LINE, prior())
        pace = TimeLeft(lambda: 400.0).pace(history)
        situation = Situation(TABLE, LATENCY, set(), RUNGS, 1200.0, history, [], pace, forecaster, is_last=True)
        options = [Option(near(recipe, TABLE), replace(recipe, epochs=0), NEVER, 3, 10) for recipe in (fast, sure)]
        return recipe_of(contender(situation, options))

    # The faster one would lead by more, for fewer seconds, and is twice as likely not to.
    assert chosen(seen).widths == sure.widths
    leads = told(replace(networks[11], epochs=3), 0.75, LATENCY)
    assert chosen([*seen, leads]).widths == fast.widths


def test_what_had_its_first_look_is_trained_for_as_long_as_what_had_none():
    looked_at = replace(ladder()[5], epochs=3)
    forecaster = Forecaster.fitted([told(looked_at, 0.68, LATENCY)], (), LATENCY, LINE, prior())
    pace = Pace(left_s=110.0, trained=frozenset({looked_at.choices_of_weights}))
    situation = Situation(TABLE, LATENCY, set(), RUNGS, 1200.0, [], [], pace, forecaster, is_last=True)
    trained, new = (
        _lengths(Option({}, replace(looked_at, epochs=0), epochs, 10, 10), situation) for epochs in (3, NEVER)
    )
    assert trained == new
    # The longest of them is none of the usual lengths, and uses the time up.
    assert max(new) not in RUNGS
    assert pace.left_s / 1.2 < pace.at_most_s(replace(looked_at, epochs=max(new))) <= pace.left_s


def test_what_was_gated_cost_no_training_and_what_was_given_up_a_part_of_one():
    looked_at, gated, long_one = distinct(3)
    looked_at, gated, long_one = replace(looked_at, epochs=3), replace(gated, epochs=3), replace(long_one, epochs=32)
    notes = [told(looked_at, 0.7), replace(told(gated, 0.7), accuracy=None)]
    given_up = replace(told(long_one, 0.7), given_up=True, epoch_accuracies=(0.5,) * 16)
    in_both_runtimes = [given_up, replace(given_up, recipe=replace(given_up.recipe, runtime=SECOND))]
    situation = SimpleNamespace(history=[*notes, *in_both_runtimes], pending=[], rungs=RUNGS)
    assert _costs(situation) == (cost(looked_at, 3), cost(long_one, 16))


def test_what_is_trained_ahead_is_trained_for_longer_than_it_was():
    situation = SimpleNamespace(pace=Pace(left_s=1000.0), rungs=RUNGS)

    def suggested(trained_epochs: int) -> int | None:
        recipe = _suggested(Option({}, ladder()[5], trained_epochs, 100, 100), situation)
        return recipe and recipe.epochs

    assert suggested(NEVER) == suggested(3) == 32
    assert suggested(32) == 100
    assert suggested(100) is None


def test_what_is_gated_here_was_trained_all_the_same():
    """A network trained for another device is gated on this one: its accuracy is known as before."""
    world = World("model", 0, lambda: 1e6)
    for _ in range(6):
        world.trial()
    gated = world.gate(world.ask())

    def sureness(experience: Experience) -> float:
        sampler = ModelSampler(0, TABLE, world.known, FOM, LINE, TimeLeft(lambda: 1e6), experience=experience)
        _, sd = sampler._situation(world.study).forecaster.error([(gated, gated.epochs)])
        return float(sd[0])

    known = Experience(alike=(Trained(gated, gated.epochs, 0.6),))
    assert sureness(known) < 0.7 * sureness(NO_EXPERIENCE)


def test_what_was_measured_is_not_guessed():
    """Energy, too: the model beyond latency smooths over what was measured."""
    recipes = ladder()
    history = [told(recipe, 0.75) for recipe in recipes]
    lucky = replace(history[4], at_best=history[4].at_best + 0.1)
    history[4] = lucky
    forecaster = Forecaster.fitted(history, (), FOM, LINE, prior())
    figure, sd = forecaster.figure([replace(lucky.recipe, epochs=100)])
    assert figure[0] == lucky.at_best
    assert sd[0] < 0.02


def test_the_last_third_of_a_run_is_kept_for_those_that_can_win():
    left_s = 900.0
    world = World("model", 0, lambda: left_s, epoch_s=10.0)
    for _ in range(8):
        world.trial()
    trained = {recipe.weights_id for recipe in world.asked}

    def longest() -> int:
        new = [recipe for recipe in (world.trial() for _ in range(6)) if recipe.weights_id not in trained]
        trained.update(recipe.weights_id for recipe in new)
        return max((recipe.epochs for recipe in new), default=0)

    # A training of a hundred seconds would not end before it.
    left_s = 380.0
    assert longest() == RUNGS[0]
    left_s = 299.0
    assert longest() >= RUNGS[1]


def test_what_is_on_its_way_is_taken_for_what_is_expected_of_it():
    (awaited, *shapes), trend = ladder(), prior()
    history = [told(recipe, 0.6 + place / 100) for place, recipe in enumerate(shapes)]
    alone = Forecaster.fitted(history, (), FOM, LINE, trend)
    beside = Forecaster.fitted(history, (), FOM, LINE, trend, pending=[awaited])
    (before, unsure), (after, sure) = (each.error([(awaited, awaited.epochs)]) for each in (alone, beside))
    assert after == pytest.approx(before, abs=0.02)
    assert sure < 0.8 * unsure


def test_without_a_deadline_the_first_look_is_a_longer_one():
    world = World("model", 0)
    assert min(recipe.epochs for recipe in [world.trial() for _ in range(10)][6:]) == RUNGS[1]


def test_without_a_deadline_it_asks_for_the_same_however_fast_the_machine_trains_and_times():
    """A recording may be replayed on another machine, and a study resumed in another hour."""
    machines = [
        (Speed(layer_s=2e-5, mac_s=0.0, answer_s=0.0), 1.0),
        (Speed(layer_s=0.0, mac_s=2e-8, answer_s=0.0), 60.0),
    ]
    asked = []
    for (speed, beside_s), epoch_s in zip(machines, (9.0, 0.01), strict=True):
        time_left = TimeLeft(trainings=Trainings(speed=speed), beside_s=beside_s)
        world = World("model", 0, epoch_s=epoch_s, begun=False, time_left=time_left)
        asked.append([world.trial().id for _ in range(8)])
    assert asked[0] == asked[1]


def test_what_could_not_end_before_the_deadline_is_not_begun():
    left_s = 25.0
    world = World("model", 0, lambda: left_s)
    for _ in range(8):
        world.trial()
    pace = TimeLeft(lambda: left_s).pace(history_of(world.study))
    assert [pace.fits(recipe) for recipe in world.asked[6:]] == [True, True]
    left_s = 7.0
    with pytest.raises(
        SpaceExhausted, match=r"before the deadline: 7 s left, and the shortest recipe .* may take"
    ) as end:
        world.trial()
    # No more is said to be short of time than is.
    assert int(str(end.value).split("may take ")[1].split(" s")[0]) > left_s


def test_while_there_is_time_it_goes_on_where_nothing_is_likely_to_lead():
    """A leader a hundred times as good as anything that can be hoped for."""
    world = World("model", 0, lambda: 8 * 3600.0)
    for _ in range(6):
        world.trial()
    world.lead(2.0)
    recipes = [world.trial() for _ in range(4)]
    assert len({recipe.id for recipe in recipes}) == 4


def test_where_training_costs_nothing_beside_measuring_it_is_long_at_once():
    world = World("model", 0, lambda: 1e6, epoch_s=0.01)
    trained = {world.trial().weights_id for _ in range(6)}
    anew = [recipe for recipe in (world.trial() for _ in range(6)) if recipe.weights_id not in trained]
    assert {recipe.epochs for recipe in anew} == {rungs(TABLE)[-1]}


def test_a_gated_network_is_not_asked_for_again_however_long_it_would_train():
    world = World("model", 0)
    for _ in range(6):
        world.trial()
    gated = world.gate(world.study.ask(distributions(TABLE)))
    later = [world.trial() for _ in range(10)]
    assert options.deployed(gated) not in map(options.deployed, later)


def test_equalized_and_rounded_networks_are_networks_of_their_own():
    shape = {dimension.name: "1" for dimension in dimensions("int8", 1) if dimension.name.endswith("_narrowing")}
    places = {f"halving{place + 1}_at": str(at) for place, at in enumerate(HALVINGS)}
    fixed = {**shape, **places, "epochs": "3", "criterion": "l1", "spinning": "0", "depthwise_relu": "1"}
    world = World("model", 0, table=dimensions("int8", 1, fixed))
    recipes = [world.trial() for _ in range(2 * (MOST_AWARE_EPOCHS + 1))]
    assert len({(recipe.aware_epochs, recipe.equalized) for recipe in recipes}) == len(recipes)
    with pytest.raises(SpaceExhausted, match="every recipe of this space is known"):
        world.trial()


def test_epochs_that_round_take_their_time_too():
    recipe = recipe_of(ladder_values(TABLE)[0])
    pace = TimeLeft(lambda: 3600.0).pace([])
    rounded = replace(recipe, epochs=recipe.epochs - 1, aware_epochs=1)
    assert pace.seconds(rounded) == pace.seconds(recipe)


def deployed(recipe: Recipe) -> object:
    return strides(recipe.widths, recipe.halvings), recipe.quantization, recipe.threads, recipe.spinning


def test_what_was_trained_for_one_runtime_is_timed_in_the_other_before_anything_is_trained_anew():
    """All first recipes were tried in the first runtime, a single one in the second, where it took half the time."""
    world = World("model", 0, lambda: 1e6, table=BOTH)
    for _ in range(12):
        world.trial()
    trials = world.study.get_trials(deepcopy=False)
    seconds = [trial for trial in trials if trial.params["runtime"] == SECOND]
    world = World("model", 0, lambda: 1e6, table=BOTH)
    world.study = optuna.create_study(direction="maximize", sampler=world.study.sampler)
    world.study.add_trials([trial for trial in trials if trial not in seconds[1:]])
    world.known.update(notes_of(trial).recipe.id for trial in world.study.get_trials())
    holding = [notes for notes in history_of(world.study) if notes.feasible_value is not None]
    weights = {notes.recipe.weights_id for notes in holding}
    before = {deployed(notes.recipe) for notes in holding if notes.recipe.runtime == SECOND}
    asked = [world.trial() for _ in range(len(holding) - len(before))]
    assert any(recipe.weights_id in weights for recipe in asked)
    first_new = next((place for place, recipe in enumerate(asked) if recipe.weights_id not in weights), len(asked))
    assert first_new > 0
    assert all(recipe.runtime == SECOND for recipe in asked[:first_new])
    # None twice, and none that was looked at there before.
    variants = [deployed(recipe) for recipe in asked[:first_new]]
    assert len({*variants, *before}) == len(variants) + len(before)


def test_a_trial_says_what_an_evaluation_showed():
    recipe = recipe_of(ladder_values(TABLE)[0])
    result = evaluation(made=recipe, share=0.75, latency_ms=0.5)
    score = FOM.score(result, LINE)
    trial = optuna.trial.create_trial(
        value=score.value,
        params=ladder_values(TABLE)[0],
        distributions=distributions(TABLE),
        constraints=score.violations,
        user_attrs=evaluation_attributes(result, FOM),
    )
    notes = notes_of(trial)
    assert isinstance(notes, TrialNotes)
    assert (notes.recipe, notes.accuracy) == (recipe, 0.75)
    assert notes.feasible_value == pytest.approx(notes.at_best + math.log10(0.75))


@pytest.mark.parametrize(("holding", "probability", "place"), [(False, 0.6, 0), (False, 0.4, 1), (True, 0.6, 1)])
def test_until_something_holds_the_line_what_rather_holds_it_is_trained_first(
    holding: bool, probability: float, place: int
) -> None:
    """Longer trainings had more time than first looks, and the new network promises more for its seconds."""
    looked_at, new = distinct(2)
    pace = Pace(trainings=Trainings(), left_s=1e4)
    both_options = [
        Option({}, looked_at, trained_epochs=3, next_epochs=10, last_epochs=10),
        Option({}, new, trained_epochs=NEVER, next_epochs=3, last_epochs=3),
    ]
    both = np.array([probability, 0.3])
    prediction = Forecast(
        expected_improvement=np.array([0.2, 0.6]),
        probability_better=both,
        probability_of_leading=both,
        log_probability_of_leading=np.log(both),
        expected_merit=both,
        probability_feasible=both,
    )
    long_trained = replace(told(new, 0.8 if holding else 0.5), recipe=replace(new, epochs=32))
    forecaster = Forecaster.fitted([long_trained], (), FOM, LINE, prior())
    situation = SimpleNamespace(pace=pace, history=[long_trained], pending=[], rungs=(3, 10), forecaster=forecaster)
    assert _most_promising(both_options, prediction, situation) == place


def test_what_rather_holds_the_line_is_trained_first_also_where_another_promises_more() -> None:
    less_likely, rather, new = distinct(3)
    considered = [
        Option({}, less_likely, trained_epochs=3, next_epochs=10, last_epochs=10),
        Option({}, rather, trained_epochs=3, next_epochs=10, last_epochs=10),
        Option({}, new, trained_epochs=NEVER, next_epochs=3, last_epochs=3),
    ]
    probabilities = np.array([0.4, 0.6, 0.3])
    prediction = Forecast(
        expected_improvement=np.array([0.3, 0.2, 0.6]),
        probability_better=probabilities,
        probability_of_leading=probabilities,
        log_probability_of_leading=np.log(probabilities),
        expected_merit=probabilities,
        probability_feasible=probabilities,
    )
    history = [told(replace(new, epochs=3), 0.5)]
    forecaster = Forecaster.fitted(history, (), FOM, LINE, prior())
    situation = SimpleNamespace(
        pace=Pace(left_s=1e4), history=history, pending=[], rungs=(3, 10), forecaster=forecaster
    )
    assert _most_promising(considered, prediction, situation) == 1
