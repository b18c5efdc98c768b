"""Optuna's storage: its tables in the store's database, and their trials kept in memory where nobody else wrote."""

import json
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

from search.store.database import Row, server_options
from search.store.store import Store


def open_storage(store: Store) -> RDBStorage:
    """Optuna's tables, in the same database as the store's, and under its leases; made by one writer."""
    options = {"pool_pre_ping": True, **server_options(store.url)} if store.shared else {}
    with store.turn("Optuna's tables"):
        storage = RDBStorage(store.url, engine_kwargs=options)
    store.guard(storage.scoped_session)
    return storage


class Trials(_CachedStorage):
    """Optuna's own storage, which is asked again only where others wrote: all of its trials that are written here are
    known."""

    def __init__(self, backend: RDBStorage, store: Store) -> None:
        super().__init__(backend)
        self._store = store
        # What was known of others when all was read last.
        self._read_at: dict[int, int] = {}

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        others = self._store.others_wrote
        if self._store.in_moment and self._read_at.get(study_id) == others:
            return
        with self._lock:
            study = self._studies.setdefault(study_id, _StudyInfo())
            read = self._read(study_id, study.last_finished_trial_id, study.unfinished_trial_ids)
        self._read_at[study_id] = others
        self.keep(study_id, *read)

    def keep(self, study_id: int, *trials: FrozenTrial) -> None:
        """Keeps trials as they were written down. Where nobody else wrote, all before them are known."""
        with self._lock:
            self._add_trials_to_cache(study_id, list(trials))
            study = self._studies[study_id]
            for trial in trials:
                if not trial.state.is_finished():
                    study.unfinished_trial_ids.add(trial._trial_id)
                    continue
                study.unfinished_trial_ids.discard(trial._trial_id)
                if self._read_at.get(study_id) == self._store.others_wrote:
                    study.last_finished_trial_id = max(study.last_finished_trial_id, trial._trial_id)

    def _read(self, study_id: int, after: int, unfinished: Collection[int]) -> list[FrozenTrial]:
        """Reads trials as Optuna would, who makes an object of each row: that takes ten times as long. Times and
        intermediate values are left out: nobody here asks for them."""
        ids = ", ".join(str(id) for id in sorted(unfinished) if id <= after)
        changed = f"trials.trial_id > :after{f' OR trials.trial_id IN ({ids})' if ids else ''}"
        which = f"trials.study_id = :study_id AND ({changed})"
        named = {"study_id": study_id, "after": after}

        def rows(columns: str, table: str = "") -> list[Row]:
            joined = f"JOIN {table} a ON a.trial_id = trials.trial_id " if table else ""
            return self._store.rows(f"SELECT {columns} FROM trials {joined}WHERE {which}", named)  # noqa: S608

        states = {
            id: (number, TrialState[state])
            for id, number, state in rows("trials.trial_id, trials.number, trials.state")
        }
        values = {
            id: models.TrialValueModel.stored_repr_to_value(value, models.TrialValueModel.TrialValueType[kind])
            for id, value, kind in rows("trials.trial_id, a.value, a.value_type", "trial_values")
        }
        spaces = defaultdict[int, dict[str, BaseDistribution]](dict)
        chosen = defaultdict[int, dict[str, Any]](dict)
        for id, name, value, text in rows(
            "trials.trial_id, a.param_name, a.param_value, a.distribution_json", "trial_params"
        ):
            spaces[id][name] = of = _distribution(text)
            chosen[id][name] = of.to_external_repr(value)
        attributes = [defaultdict[int, dict[str, Any]](dict), defaultdict[int, dict[str, Any]](dict)]
        for by_trial, table in zip(attributes, ("trial_user_attributes", "trial_system_attributes"), strict=True):
            for id, name, text in rows("trials.trial_id, a.key, a.value_json", table):
                by_trial[id][name] = json.loads(text)
        return [
            FrozenTrial(
                number=number,
                state=state,
                value=values.get(id),
                datetime_start=None,
                datetime_complete=None,
                params=chosen[id],
                distributions=spaces[id],
                user_attrs=attributes[0][id],
                system_attrs=attributes[1][id],
                intermediate_values={},
                trial_id=id,
            )
            for id, (number, state) in sorted(states.items())
            # The number of a trial that begins now is not known yet.
            if number is not None
        ]

    def read_again(self) -> None:
        self._read_at.clear()


@lru_cache
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)
