"""Optuna's study: its trials asked, told, described and added. It and optuna_storage alone know Optuna's private
parts."""

import json
import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.choosing.optuna_storage import Trials
from search.choosing.sampler import Sampler, distributions
from search.choosing.trial_notes import IMPORTED, OWNER
from search.scoring.objectives import Objective
from search.store.store import Store
from search.store.write import Write
from space.dimension import Dimension, Value
from space.dimensions import recipe_of
from space.recipe import Recipe

_TRIALS, _VALUES, _PARAMETERS, _USER_ATTRIBUTES, _SYSTEM_ATTRIBUTES = (
    kind.__table__
    for kind in (
        models.TrialModel,
        models.TrialValueModel,
        models.TrialParamModel,
        models.TrialUserAttributeModel,
        models.TrialSystemAttributeModel,
    )
)


@dataclass(frozen=True, slots=True)
class Addition:
    """What a study did not ask for itself."""

    values: Mapping[str, Value]
    value: float
    notes: Mapping[str, Any]
    attributes: Mapping[str, Any]


class OptunaStudy:
    def __init__(
        self,
        name: str,
        objective: Objective,
        storage: BaseStorage,
        table: Sequence[Dimension],
        sampler: Sampler,
        store: Store,
    ) -> None:
        """A storage in memory is one that nobody else knows; another one is in the store's database."""
        self._store = store
        self._storage = Trials(storage, store) if isinstance(storage, RDBStorage) else storage
        self._distributions = distributions(table)
        # Optuna's reports on stderr are for programmers.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            storage=self._storage, study_name=name, direction=objective.direction, load_if_exists=True, sampler=sampler
        )
        # Trials that were begun here and have not ended.
        self._begun: dict[int, FrozenTrial] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self.study.set_metric_names([objective.metric])

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Without a state all of them, each at the place of its number."""
        return self.study.get_trials(deepcopy=False, states=states or None)

    def begin(self, owner: str) -> FrozenTrial:
        """A new trial, on its way, with nothing chosen yet."""
        trial = create_trial(state=TrialState.RUNNING, user_attrs={OWNER: owner} if owner else {})
        if isinstance(self._storage, Trials):
            # Optuna takes a time of a trial as one of this zone.
            trial.datetime_start = datetime.now()
            with self._store.together() as write:
                trial.number = self._next_number(write)
                self._add(write, [trial])
                write.add(_USER_ATTRIBUTES, _said(trial._trial_id, trial.user_attrs))
        else:
            trial = self._storage.get_trial(self._storage.create_new_trial(self.study._study_id, template_trial=trial))
        self._keep(trial)
        return trial

    def _next_number(self, write: Write) -> int:
        """Nobody else begins one before the end of the transaction."""
        last = write.last_of(_TRIALS, "number", {"study_id": self.study._study_id})
        return 0 if last is None else int(last) + 1

    def _add(self, write: Write, trials: Sequence[FrozenTrial]) -> None:
        """Adds the trials, which have their ids then."""
        rows = [
            {
                "study_id": self.study._study_id,
                "number": trial.number,
                "state": trial.state,
                "datetime_start": _utc(trial.datetime_start),
                "datetime_complete": _utc(trial.datetime_complete),
            }
            for trial in trials
        ]
        for trial, id in zip(trials, write.add(_TRIALS, rows), strict=True):
            trial._trial_id = id

    def _keep(self, trial: FrozenTrial) -> None:
        if isinstance(self._storage, Trials):
            self._storage.keep(self.study._study_id, trial)
        if trial.state.is_finished():
            self._begun.pop(trial.number, None)
        else:
            self._begun[trial.number] = trial

    def chosen(self, trial: FrozenTrial) -> dict[str, Value]:
        """What the sampler chooses; SpaceExhausted where it has nothing."""
        # What is kept of all trials for one ask.
        self.study._thread_local.cached_all_trials = None
        sampler = self.study.sampler
        sampler.before_trial(self.study, trial)
        space = sampler.infer_relative_search_space(self.study, trial)
        values = sampler.sample_relative(self.study, trial, space)
        return {name: of.to_external_repr(of.to_internal_repr(values[name])) for name, of in space.items()}

    def choose(self, trial: FrozenTrial, values: Mapping[str, Value], notes: Mapping[str, Any]) -> None:
        """Writes down what was chosen for it, in the place of what was before."""
        trial_id = trial._trial_id
        chosen = copy(trial)
        chosen.params, chosen.distributions = dict(values), dict(self._distributions)
        chosen.user_attrs = {**trial.user_attrs, **notes}
        if not isinstance(self._storage, Trials):
            for name, value in values.items():
                of = self._distributions[name]
                self._storage.set_trial_param(trial_id, name, of.to_internal_repr(value), of)
            for name, note in notes.items():
                self._storage.set_trial_user_attr(trial_id, name, note)
            self._keep(chosen)
            return
        with self._store.together() as write:
            write.remove(_PARAMETERS, {"trial_id": trial_id})
            write.remove(_USER_ATTRIBUTES, {"trial_id": trial_id, "key": list(notes)})
            write.add(_PARAMETERS, self._parameters(trial_id, values))
            write.add(_USER_ATTRIBUTES, _said(trial_id, notes))
            write.afterwards.append(lambda: self._keep(chosen))

    def tell(self, number: int, value: float, notes: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
        """Once: it may have been told, and nobody heard that it was; false then. `notes` are for people, `attributes`
        for Optuna and its dashboard."""
        return self._end(number, TrialState.COMPLETE, value, notes, attributes)

    def fail(self, number: int, notes: Mapping[str, Any] = {}) -> bool:
        """False where it has ended already."""
        return self._end(number, TrialState.FAIL, None, notes, {})

    def _end(
        self,
        number: int,
        state: TrialState,
        value: float | None,
        notes: Mapping[str, Any],
        attributes: Mapping[str, Any],
    ) -> bool:
        trial = self.trial(number)
        if trial.state.is_finished():
            return False
        values = None if value is None else [value]
        self.study.sampler.after_trial(self.study, trial, state, values)
        ended = copy(trial)
        ended.user_attrs, ended.system_attrs = {**trial.user_attrs, **notes}, {**trial.system_attrs, **attributes}
        ended.state, ended.values, ended.datetime_complete = state, values, datetime.now()
        if not isinstance(self._storage, Trials):
            for name, note in notes.items():
                self._storage.set_trial_user_attr(trial._trial_id, name, note)
            for name, attribute in attributes.items():
                self._storage.set_trial_system_attr(trial._trial_id, name, attribute)
            self._storage.set_trial_state_values(trial._trial_id, state, values)
            self._keep(ended)
            return True
        with self._store.together() as write:
            write.afterwards.append(lambda: self._keep(ended))
            return self._write_end(write, trial, ended)

    def _write_end(self, write: Write, trial: FrozenTrial, ended: FrozenTrial) -> bool:
        """What the trial says already stays as it is."""
        trial_id = trial._trial_id
        running = {"trial_id": trial_id, "state": TrialState.RUNNING}
        if not write.change(
            _TRIALS, running, {"state": ended.state, "datetime_complete": _utc(ended.datetime_complete)}
        ):
            return False
        for table, before, now in (
            (_USER_ATTRIBUTES, trial.user_attrs, ended.user_attrs),
            (_SYSTEM_ATTRIBUTES, trial.system_attrs, ended.system_attrs),
        ):
            write.add(table, _said(trial_id, {name: value for name, value in now.items() if name not in before}))
        write.add(_VALUES, _values(trial_id, ended))
        return True

    def fail_waiting(self) -> None:
        """What was enqueued by an earlier version and never asked for: Optuna lets nobody tell it anything."""
        for trial in self.trials(TrialState.WAITING):
            self._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)

    def read_again(self) -> None:
        """All that others wrote, whether or not they said so."""
        if isinstance(self._storage, Trials):
            self._storage.read_again()

    def trial(self, number: int) -> FrozenTrial:
        if number in self._begun:
            return self._begun[number]
        study_id = self.study._study_id
        return self._storage.get_trial(self._storage.get_trial_id_from_study_id_trial_number(study_id, number))

    def add(self, additions: Sequence[Addition]) -> None:
        """Trials that this study did not ask for, as one transaction, where Optuna would ask a hundred questions for
        each."""
        if not isinstance(self._storage, Trials):
            for addition in additions:
                self.study.add_trial(self._frozen(addition))
            return
        study_id = self.study._study_id
        added = list(map(self._frozen, additions))
        with self._store.together() as write:
            number = self._next_number(write)
            for place, trial in enumerate(added):
                trial.number = number + place
            self._add(write, added)
            for table, rows in (
                (_VALUES, [row for trial in added for row in _values(trial._trial_id, trial)]),
                (_PARAMETERS, [row for trial in added for row in self._parameters(trial._trial_id, trial.params)]),
                (_USER_ATTRIBUTES, [row for trial in added for row in _said(trial._trial_id, trial.user_attrs)]),
                (_SYSTEM_ATTRIBUTES, [row for trial in added for row in _said(trial._trial_id, trial.system_attrs)]),
            ):
                write.fill(table, rows)
            write.afterwards.append(partial(self._storage.keep, study_id, *added))

    def _frozen(self, addition: Addition) -> FrozenTrial:
        return create_trial(
            value=addition.value,
            params=dict(addition.values),
            distributions=self._distributions,
            user_attrs={IMPORTED: True, **addition.notes},
            system_attrs=dict(addition.attributes),
        )

    def _parameters(self, trial_id: int, values: Mapping[str, Value]) -> list[dict[str, Any]]:
        return [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": self._distributions[name].to_internal_repr(value),
                "distribution_json": self._written[name],
            }
            for name, value in values.items()
        ]

    @cached_property
    def _written(self) -> dict[str, str]:
        """The distributions as text."""
        to_json = optuna.distributions.distribution_to_json
        return {name: to_json(of) for name, of in self._distributions.items()}

    def recipe(self, trial: FrozenTrial) -> Recipe | None:
        """None where the process was killed before every value was chosen."""
        values = values_of_trial(trial)
        return recipe_of(values) if values.keys() == self._distributions.keys() else None


def values_of_trial(trial: FrozenTrial) -> Mapping[str, Value]:
    """For a trial that was enqueued and not yet asked for, the values that it was enqueued with."""
    values: Mapping[str, Value] = trial.params or trial.system_attrs.get("fixed_params", {})
    return values


def _utc(moment: datetime | None) -> datetime | None:
    """Optuna keeps times without a zone: of this zone in a trial, of none in its tables."""
    return moment and moment.astimezone(UTC).replace(tzinfo=None)


def _said(trial_id: int, attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"trial_id": trial_id, "key": name, "value_json": json.dumps(value)} for name, value in attributes.items()]


def _values(trial_id: int, trial: FrozenTrial) -> list[dict[str, Any]]:
    rows = []
    for value in trial.values or ():
        stored, kind = models.TrialValueModel.value_to_stored_repr(value)
        rows.append({"trial_id": trial_id, "objective": 0, "value": stored, "value_type": kind})
    return rows
