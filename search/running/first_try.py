"""First try: a search that was asked for neither trials nor a time ends within minutes, on images and a machine that
are there to try it with."""

from dataclasses import replace

from search.running.preparation import Prepared, Say
from search.settings.durations import spoken
from search.settings.settings import FIRST_TRY_S, Settings
from space.data.choose import data_set_named


def limited(chosen: Settings, prepared: Prepared, say: Say) -> Settings:
    """The settings with a time of its own where nothing else limits it; a board's reference alone may take longer."""
    here = chosen.devices == ("local",) and not chosen.meters
    asked = chosen.grid or chosen.trials is not None or chosen.timeout_s is not None
    if asked or not here or not data_set_named(prepared.source.name).generated:
        return chosen
    say(
        f"time      {spoken(FIRST_TRY_S)}, as a first try on images that are there for it; --timeout 30m or --trials "
        "24 says otherwise"
    )
    return replace(chosen, timeout_s=FIRST_TRY_S)
