"""What makes a study that study: also which network it searches."""

import json
from dataclasses import replace

from search.store.goal import Goal
from space.networks.names import DEFAULT
from tests.search.made_up import GOAL


def test_a_goal_that_knew_no_networks_is_the_default_ones():
    values = json.loads(GOAL.to_json())
    del values["architecture"]
    before = Goal.from_json(json.dumps(values))
    assert before == GOAL
    assert before.architecture == DEFAULT
    # The id is as it was before goals knew networks: the name of studies in Optuna's tables.
    assert before.id == "fom-builtin-full-e7672c5b"


def test_another_network_is_another_study_and_one_word_says_so():
    other = replace(GOAL, architecture="another")
    assert other.id != GOAL.id
    assert other.differences(GOAL) == ["the network"]
    assert Goal.from_json(other.to_json()) == other
