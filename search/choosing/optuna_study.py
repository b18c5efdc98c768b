"""Optuna's study: its trials asked, told, described and added; the one place that knows Optuna's private parts."""

import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.choosing.sampler import Sampler, distributions
from search.choosing.trial_notes import IMPORTED, OWNER
from search.scoring.objectives import Objective
from search.store.database import server_options
from search.store.store import Store
from space.dimension import Dimension, Value
from space.dimensions import recipe_of
from space.recipe import Recipe


def open_storage(store: Store) -> RDBStorage:
    """Optuna's tables, in the same database as the store's, and under its leases; made by one writer."""
    options = server_options(store.url) if store.shared else {}
    with store.turn("Optuna's tables"):
        storage = RDBStorage(store.url, engine_kwargs=options)
    store.guard(storage.scoped_session)
    return storage


@dataclass(frozen=True, slots=True)
class Addition:
    """What a study did not ask for itself."""

    values: Mapping[str, Value]
    value: float
    notes: Mapping[str, Any]
    attributes: Mapping[str, Any]


class OptunaStudy:
    def __init__(
        self, name: str, objective: Objective, storage: RDBStorage, table: Sequence[Dimension], sampler: Sampler
    ) -> None:
        self._storage: BaseStorage = storage
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

    def begin(self, owner: str) -> FrozenTrial:
        """A new trial, on its way, with nothing chosen yet."""
        begun = create_trial(state=TrialState.RUNNING, user_attrs={OWNER: owner} if owner else {})
        return self._tables.get_trial(self._tables.create_new_trial(self.study._study_id, template_trial=begun))

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
        self._write(trial._trial_id, notes, {}, values)

    def tell(self, number: int, value: float) -> None:
        """Once: it may have been told, and nobody heard that it was."""
        self.study.tell(number, value, skip_if_finished=True)

    def fail(self, number: int) -> None:
        self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def fail_waiting(self) -> None:
        """What was enqueued by an earlier version and never asked for: Optuna lets nobody tell it anything."""
        for trial in self.trials(TrialState.WAITING):
            self._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)

    def describe(self, number: int, notes: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        """Writes what is known of a trial into it, for people and for Optuna."""
        # Who told it, told all of this before.
        with suppress(UpdateFinishedTrialError):
            self._write(self._id(number), notes, attributes)

    def trial(self, number: int) -> FrozenTrial:
        return self._tables.get_trial(self._id(number))

    def _id(self, number: int) -> int:
        return self._tables.get_trial_id_from_study_id_trial_number(self.study._study_id, number)

    @property
    def _tables(self) -> BaseStorage:
        """With what was read kept in memory."""
        return self.study._storage

    def _write(
        self,
        trial_id: int,
        notes: Mapping[str, Any],
        attributes: Mapping[str, Any],
        values: Mapping[str, Value] = {},
    ) -> None:
        """In one transaction, where Optuna has one for each."""
        if not isinstance(self._storage, RDBStorage):
            for name, value in values.items():
                of = self._distributions[name]
                self._storage.set_trial_param(trial_id, name, of.to_internal_repr(value), of)
            for name, note in notes.items():
                self._storage.set_trial_user_attr(trial_id, name, note)
            for name, attribute in attributes.items():
                self._storage.set_trial_system_attr(trial_id, name, attribute)
            return
        with _create_scoped_session(self._storage.scoped_session) as session:
            trial = models.TrialModel.find_or_raise_by_id(trial_id, session)
            self._storage.check_trial_is_updatable(trial_id, cast(TrialState, trial.state))
            if values:
                session.query(models.TrialParamModel).filter_by(trial_id=trial_id).delete()
                session.add_all(_parameters(trial_id, values, self._distributions))
            for kind, said in ((models.TrialUserAttributeModel, notes), (models.TrialSystemAttributeModel, attributes)):
                if said:
                    former = session.query(kind).filter(kind.trial_id == trial_id, kind.key.in_(said))
                    former.delete(synchronize_session=False)
                    session.add_all(_said(kind, trial_id, said))

    def add(self, additions: Sequence[Addition]) -> None:
        """Trials that this study did not ask for, as one transaction, where Optuna would ask a hundred questions for
        each."""
        if not isinstance(self._storage, RDBStorage):
            for addition in additions:
                self.study.add_trial(self._frozen(addition))
            return
        with _create_scoped_session(self._storage.scoped_session) as session:
            models.StudyModel.find_or_raise_by_id(self.study._study_id, session, for_update=True)
            now = datetime.now()
            number = None
            for addition in additions:
                trial = models.TrialModel(
                    study_id=self.study._study_id,
                    state=TrialState.COMPLETE,
                    datetime_start=now,
                    datetime_complete=now,
                )
                session.add(trial)
                session.flush()
                trial.number = number = trial.count_past_trials(session) if number is None else number + 1
                value, kind = models.TrialValueModel.value_to_stored_repr(addition.value)
                session.add(models.TrialValueModel(trial_id=trial.trial_id, objective=0, value=value, value_type=kind))
                session.add_all(_parameters(trial.trial_id, addition.values, self._distributions))
                session.add_all(
                    _said(models.TrialUserAttributeModel, trial.trial_id, {IMPORTED: True, **addition.notes})
                )
                session.add_all(_said(models.TrialSystemAttributeModel, trial.trial_id, addition.attributes))

    def _frozen(self, addition: Addition) -> FrozenTrial:
        return create_trial(
            value=addition.value,
            params=dict(addition.values),
            distributions=self._distributions,
            user_attrs={IMPORTED: True, **addition.notes},
            system_attrs=dict(addition.attributes),
        )

    def recipe(self, trial: FrozenTrial) -> Recipe | None:
        """None where the process was killed before every value was chosen."""
        values = values_of_trial(trial)
        return recipe_of(values) if values.keys() == self._distributions.keys() else None


def values_of_trial(trial: FrozenTrial) -> Mapping[str, Value]:
    """For a trial that was enqueued and not yet asked for, the values that it was enqueued with."""
    values: Mapping[str, Value] = trial.params or trial.system_attrs.get("fixed_params", {})
    return values


def _parameters(
    trial_id: Any, values: Mapping[str, Value], space: Mapping[str, BaseDistribution]
) -> list[models.TrialParamModel]:
    return [
        models.TrialParamModel(
            trial_id=trial_id,
            param_name=name,
            param_value=space[name].to_internal_repr(value),
            distribution_json=optuna.distributions.distribution_to_json(space[name]),
        )
        for name, value in values.items()
    ]


def _said(
    kind: "type[models.TrialUserAttributeModel] | type[models.TrialSystemAttributeModel]",
    trial_id: Any,
    said: Mapping[str, Any],
) -> list[Any]:
    return [kind(trial_id=trial_id, key=name, value_json=json.dumps(value)) for name, value in said.items()]
