"""Where a figure comes from: as text and back, and what is compared."""

import pytest

from evaluators.provenance import Kind, Provenance

METERED = Provenance(Kind.MEASURED, "SmartPower2 (old), the whole board")


def test_as_text_and_back():
    assert str(METERED) == "measured (SmartPower2 (old), the whole board)"
    for kind in Kind:
        provenance = Provenance(kind, "of two\nlines, with (brackets)")
        assert Provenance.parse(str(provenance)) == provenance


@pytest.mark.parametrize("text", ["", "measured", "measured ()x", "guessed (a meter)", " measured (a meter)"])
def test_any_other_text_is_refused(text):
    with pytest.raises(ValueError, match="measured, estimated, predicted"):
        Provenance.parse(text)


def test_only_figures_of_one_source_and_kind_are_compared():
    assert METERED.is_comparable_with(Provenance.parse(str(METERED)))
    assert not METERED.is_comparable_with(Provenance(Kind.MEASURED, "another meter"))
    assert not METERED.is_comparable_with(Provenance(Kind.PREDICTED, METERED.source))
    assert not METERED.is_comparable_with(METERED.noting("whole script"))
