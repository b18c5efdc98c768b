"""What a leader keeps from being trained, on a machine that changes its speed."""

import pytest

from search.scoring.lead import Lead
from search.scoring.objectives import OBJECTIVES
from tests.search.made_up import evaluation, figures


def beside(reference_us: float) -> dict[str, float]:
    return {"reference_latency_s": 1e-6 * reference_us, "reference_energy_j": 2.7e-6 * reference_us}


# Its reference took 810 us: of 105 times as fast, where it takes 540 us at other times.
LEADER = evaluation(share=0.72, latency_ms=0.0077, **beside(810))


@pytest.mark.parametrize("objective", ["latency", "fom", "energy"])
def test_what_is_behind_by_the_references_speed_alone_is_trained(objective: str) -> None:
    lead = Lead(OBJECTIVES[objective], LEADER, None, None)
    assert lead.gates(figures(0.0120, **beside(810)))
    assert lead.gates(figures(0.0120, **beside(540)))
    # A structure that is as fast for its own reference, or that takes less time itself, may lead: which of the two
    # references shows the machine's speed of now is not known.
    assert not lead.gates(figures(0.0120, **beside(1400)))
    assert not lead.gates(figures(0.0055, **beside(540)))
    # Disturbed figures say nothing.
    assert not lead.gates(figures(0.0120, **beside(810), dirty=("others used 1 core",)))


def test_until_something_leads_nothing_is_kept_from_being_trained() -> None:
    assert not Lead(OBJECTIVES["latency"], None, None, None).gates(figures(1.0))
