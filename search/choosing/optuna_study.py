"""Optuna's study: its trials asked, told, described and added; the one place that knows Optuna's private parts."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search.choosing.sampler import Sampler, SpaceExhausted, distributions
from search.choosing.trial_notes import IMPORTED, RECIPE
from search.scoring.objectives import Objective
from search.store.store import Store
from space.dimension import Dimension, Value
from space.dimensions import recipe_of
from space.recipe import Recipe


def open_storage(store: Store) -> RDBStorage:
    """Optuna's tables, in the same database as the store's, and under its leases."""
    storage = RDBStorage(store.url)
    store.guard(storage.scoped_session)
    return storage


class OptunaStudy:
    def __init__(
        self, name: str, objective: Objective, storage: RDBStorage, table: Sequence[Dimension], sampler: Sampler
    ) -> None:
        self._storage = storage
        self._distributions = distributions(table)
        # Optuna's reports on stderr are for programmers.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction=objective.direction, load_if_exists=True, sampler=sampler
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self.study.set_metric_names([objective.metric])

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Without a state all of them, each at the place of its number."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    def ask(self, values: Mapping[str, Value] | None) -> Trial:
        """These values, or those that the sampler chooses; SpaceExhausted where it has none."""
        if values is not None:
            self.study.enqueue_trial(dict(values))
        try:
            return self.study.ask(self._distributions)
        except SpaceExhausted:
            # Optuna had already written the trial down.
            self.fail(len(self.trials()) - 1)
            raise

    def tell(self, number: int, value: float) -> None:
        self.study.tell(number, value)

    def fail(self, number: int) -> None:
        self.study.tell(number, state=TrialState.FAIL)

    def fail_waiting(self) -> None:
        """What was enqueued and never asked for: Optuna lets nobody tell it anything."""
        for trial in self.trials(TrialState.WAITING):
            self._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)

    def describe(self, number: int, notes: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
        """Writes what is known of a trial into it, for people and for Optuna; the id of its recipe."""
        trial = self.trials()[number]
        for name, value in notes.items():
            self._storage.set_trial_user_attr(trial._trial_id, name, value)
        for name, value in attributes.items():
            self._storage.set_trial_system_attr(trial._trial_id, name, value)
        return str(trial.user_attrs.get(RECIPE, ""))

    def add(
        self, values: Mapping[str, Value], value: float, notes: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        """A trial that this study did not ask for."""
        self.study.add_trial(
            create_trial(
                value=value,
                params=dict(values),
                distributions=self._distributions,
                user_attrs={IMPORTED: True, **notes},
                system_attrs=dict(attributes),
            )
        )

    def recipe(self, trial: FrozenTrial) -> Recipe | None:
        """None where the process was killed before every value was chosen."""
        values = values_of_trial(trial)
        return recipe_of(values) if values.keys() == self._distributions.keys() else None


def values_of_trial(trial: FrozenTrial) -> Mapping[str, Value]:
    """For a trial that was enqueued and not yet asked for, the values that it was enqueued with."""
    values: Mapping[str, Value] = trial.params or trial.system_attrs.get("fixed_params", {})
    return values
