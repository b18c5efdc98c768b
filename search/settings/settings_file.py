"""Settings file: the settings in force, as a file that gives them again."""

import json

from search.settings.keys import KEYS
from search.settings.settings import Settings
from search.settings.study_files import EXPORTS, KINDS, PUBLISHED, one_line
from search.settings.typed import TYPED, option, why_typed


def as_toml(chosen: Settings) -> str:
    """What no file may say stands in it as a remark."""
    kind = "grid" if chosen.grid else "search"
    lines = [f'kind = "{kind}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in (chosen.grid.as_dict() if chosen.grid else {}).items()]
    lines += [f"{PUBLISHED} = {json.dumps(str(chosen.published.absolute()))}"] if chosen.published else []
    lines += [f"{EXPORTS} = {json.dumps(chosen.exports)}"] if chosen.exports else []
    for name, key in KEYS.items():
        value = getattr(chosen, key.setting)
        if name not in KINDS[kind] or value in (None, "", ()) or value is False:
            continue
        if reason := why_typed(name, value):
            lines.append(one_line(f"# {option(name, value)}: {reason}; give it on the command line, beside this file"))
            continue
        lines.append(f"{name} = {json.dumps(key.write(value))}")
    return "\n".join(lines)


def only_typed(chosen: Settings) -> dict[str, str]:
    """What no file may say of these settings: the reason, by the option that says it."""
    values = {name: getattr(chosen, KEYS[name].setting) for name in TYPED}
    return {
        option(name, value): reason for name, value in values.items() if value and (reason := why_typed(name, value))
    }
