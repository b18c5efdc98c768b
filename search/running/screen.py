"""Screen: a run or a study on one screen of so many columns and rows: no line is longer, none is more."""

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.text import Text

from search.results.sparkline import sparkline
from search.results.terminal import plain
from search.running.doing import Doing, Work
from search.running.dots import plot
from search.running.studied import Leader, Studied
from search.settings.durations import spoken

# The least rows that a plot is worth.
_LEAST_PLOT, _MOST_PLOT = 5, 24
# Columns beyond which a plot is no clearer.
_WIDEST_PLOT = 120
# From this many rows on the parts are set apart.
_AIRY = 34
_BAR, _WIDEST_STEP = 14, 72


def screen(studied: Studied | None, work: Work | None, now: float, width: int, height: int) -> list[Text]:
    """The whole of it; the plot takes the rows that are left."""
    airy = height >= _AIRY
    apart = [Text("")] * airy
    top = [*_title(studied), *(_progress(work, now, width) if work else []), *apart]
    bottom = [
        *apart,
        *_at_work(work, now, width, max(height // 5, 3)),
        *apart,
        *_warned(work, width, max(height // 8, 3)),
    ]
    recent = [text for text in work.said if text not in work.warnings] if work else []
    # The last that was said has a row in any case; the others those that are left.
    room = height - len(top) - len(bottom) - bool(recent)
    middle = _studied(studied, width, room, airy) if studied else [Text("nothing is evaluated yet")]
    lately = recent[-(room - len(middle) + 1) :] if room >= len(middle) else recent[-1:]
    texts = [*top, *middle, *bottom, *(Text(text, style="dim") for text in lately)]
    return [fitted(text, width) for text in texts][:height]


def fitted(text: Text, width: int) -> Text:
    """The text as one row that moves no cursor: what is longer ends with an ellipsis."""
    text.plain = plain(text.plain).replace("\n", " ").replace("\t", " ")
    text.truncate(width, overflow="ellipsis")
    text.no_wrap = True
    return text


def _title(studied: Studied | None) -> list[Text]:
    return [Text(studied.title, style="bold")] if studied else []


def _progress(work: Work, now: float, width: int) -> list[Text]:
    """How many have ended, and how long yet."""
    counted = f"{work.ended}/{work.count}" if work.count else str(work.ended)
    text = f"{counted} {work.what}, " if work.count or work.until else ""
    text += f"{spoken(now - work.begun)} gone"
    share = work.ended / work.count if work.count else 0.0
    if work.until is not None:
        left_s = work.until - now
        text += f", none begins after {_clock(left_s)} more" if left_s > 0 else ", the last ones"
        # Whichever comes first is the end.
        share = max(share, (now - work.begun) / max(work.until - work.begun, 1.0))
    elif work.ended < work.count and (about_s := work.left_s(now)) is not None:
        text += f", about {spoken(about_s)} left"
    if not work.count and work.until is None:
        return [Text(text)]
    return [_bar(share, min(max(width - cell_len(text) - 2, 8), 60)).append(f"  {text}")]


def _clock(seconds: float) -> str:
    """12:34, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bar(share: float, columns: int) -> Text:
    done = round(min(max(share, 0.0), 1.0) * columns)
    return Text("").append("━" * done, "green").append("╌" * (columns - done), "dim")


def running(work: Work, now: float, width: int, most: int) -> list[Text]:
    """What is at work alone, in few rows."""
    return [fitted(text, width) for text in [*_progress(work, now, width), *_at_work(work, now, width, most)]]


def _at_work(work: Work | None, now: float, width: int, most: int) -> list[Text]:
    """A row for each builder and board, those that are busy first where there are too many."""
    doing = work.doing if work else ()
    if len(doing) > most:
        shown = sorted(doing, key=lambda each: not each.step)[: most - 1]
        more = [Text(f"and {len(doing) - len(shown)} more", style="dim")]
    else:
        shown, more = list(doing), []
    names = min(max((cell_len(each.place) for each in shown), default=0), 20)
    return [*(_place(each, now, width, names) for each in shown), *more]


def _place(doing: Doing, now: float, width: int, names: int) -> Text:
    idle = not doing.step
    seconds, left_s = now - doing.since, doing.left_s(now)
    right = "" if idle else f"{spoken(left_s)} left" if left_s is not None else spoken(seconds) if seconds >= 1 else ""
    bar = _bar(doing.share, _BAR) if doing.share > 0 and not idle else Text(" " * _BAR)
    words = min(width - names - _BAR - 16, _WIDEST_STEP)
    step = doing.step or "idle"
    if doing.busy is not None:
        step += f" (busy {100 * doing.busy:.0f} %)"
    text = _cell(doing.place, names, "bold").append("  ").append_text(_cell(step, words, "dim" if idle else ""))
    return text.append("  ").append_text(bar).append(right.rjust(12))


def _cell(words: str, columns: int, style: str = "") -> Text:
    text = Text(plain(words).replace("\n", " "), style=style)
    text.truncate(max(columns, 0), overflow="ellipsis", pad=True)
    return Text("").append_text(text)


def _warned(work: Work | None, width: int, rows: int) -> list[Text]:
    """The newest first, folded at words by ourselves."""
    warnings = work.warnings if work else ()
    lines: list[Text] = []
    for warning in reversed(warnings):
        head = "! "
        for part in _folded(plain(warning).removeprefix("WARNING: "), width - 2):
            lines.append(Text(head + part, style="red"))
            head = "  "
    return lines[:rows]


def _folded(words: str, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


@lru_cache(maxsize=1)
def _studied(studied: Studied, width: int, room: int, airy: bool) -> list[Text]:
    """Drawn once for many pictures: it changes with the trials."""
    apart = [Text("")] * airy
    best = _best(studied, width)
    others = [Text(text) for text in studied.others]
    counted = [Text(studied.counts, style="dim")] if studied.counts else []
    rest = room - len(best) - len(others) - len(counted)
    # The baseline and the heads have a row each.
    rows = min(max(rest // 3 - 1, 2), len(studied.leaders) - 1)
    table = _table(studied, [*studied.leaders[:rows], studied.leaders[-1]])
    rest -= len(table) + 2 * len(apart) + 1
    drawn: list[Text] = []
    if rest >= _LEAST_PLOT:
        heading = Text("accuracy against latency", style="bold")
        heading.append("  ● leads  o front  + unpruned  ╌ the line", style="dim not bold")
        drawn = [*apart, heading, *plot(studied.dots, studied.least, min(width, _WIDEST_PLOT), min(rest, _MOST_PLOT))]
    return [*counted, *table, *others, *apart, *best, *drawn]


def _best(studied: Studied, width: int) -> list[Text]:
    words = f"best so far  {studied.best_words}"
    if not any(studied.best):
        return [Text(words)]
    columns = min(max(width - cell_len(words) - 14, 10), len(studied.best))
    picked = [studied.best[(place + 1) * len(studied.best) // columns - 1] for place in range(columns)]
    return [Text(f"{words}  ").append(sparkline(picked), "green").append(f" in {spoken(studied.span_s)}", "dim")]


def _table(studied: Studied, leaders: Sequence[Leader]) -> list[Text]:
    """What it is takes the room that is left."""
    heads = Leader("#", "recipe", "accuracy", "latency", studied.gain, "what it is")
    rows = [(row.place, row.recipe, row.accuracy, row.latency, row.gain) for row in (heads, *leaders)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, (place, recipe, *figures) in zip((heads, *leaders), rows, strict=True):
        right = [figure.rjust(wide) for figure, wide in zip(figures, widths[2:], strict=True)]
        cells = [place.rjust(widths[0]), recipe.ljust(widths[1]), *right, row.what]
        lines.append(Text("  ".join(cells), style="bold" if row is heads or place == "1" else ""))
    return lines
