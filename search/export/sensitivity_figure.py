"""The sensitivity as a picture: what each layer costs in accuracy, and beside it what it saves in latency."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from search.analysis.sensitivity import Sensitivity, cells

# Light to dark: the more goes, the darker.
_LOST = ("#fcbba1", "#fb6a4a", "#a50f15", "#3b0509")
_SAVED = ("#c6dbef", "#6baed6", "#08519c", "#041c3d")


def draw(sensitivity: Sensitivity, path: Path, suffix: str) -> None:
    """`path` may have another ending than the format, while it is being written."""
    units, fractions = sensitivity.by_unit(), sensitivity.fractions
    timed = any(effect.latency_saved is not None for effect in sensitivity.effects)
    figure = Figure(figsize=(11 if timed else 7, 1.6 + 0.42 * len(units)), layout="constrained")
    axes = figure.subplots(1, 2 if timed else 1, sharey=True, squeeze=False)[0]
    height = 0.8 / len(fractions)
    for place, effects in enumerate(units):
        for turn, effect in enumerate(cells(effects, fractions)):
            if effect is None:
                continue
            level = place - 0.4 + (turn + 0.5) * height
            lost = 100 * effect.accuracy_lost
            axes[0].barh(level, lost, height, color=_LOST[turn % len(_LOST)])
            _say(axes[0], level, lost, f"{lost:.2f}")
            if timed and effect.latency_saved is not None:
                # A dirty timing is shown, hollow.
                color = _SAVED[turn % len(_SAVED)]
                fill = "none" if effect.dirty else color
                saved = 100 * effect.latency_saved
                axes[1].barh(level, saved, height * 0.9, color=fill, edgecolor=color)
                _say(axes[1], level, saved, f"{saved:.1f}")
    axes[0].set_yticks(range(len(units)), [f"{effects[0].unit}, {effects[0].channels} channels" for effects in units])
    # The unit that matters most at the top.
    axes[0].set_ylim(len(units) - 0.4, -0.6)
    texts = [("accuracy lost on validation (points)", _LOST), ("latency saved (% of the unpruned)", _SAVED)]
    for axis, (text, colors) in zip(axes, texts, strict=False):
        axis.set_xlabel(text)
        axis.axvline(0, color="black", linewidth=0.8)
        axis.grid(axis="x", color="0.9")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        for turn, fraction in enumerate(fractions):
            axis.barh(0, 0, color=colors[turn % len(colors)], label=f"{100 * fraction:g} %")
        # The legend stands above, where no bar reaches.
        axis.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=len(fractions), frameon=False, title="channels pruned"
        )
        axis.margins(x=0.1)
    figure.suptitle("Which layers matter: each alone pruned, not fine-tuned")
    figure.supxlabel(
        f"{sensitivity.data}, {sensitivity.images:,} images; unpruned {100 * sensitivity.baseline_accuracy:.2f} %; "
        f"criterion {sensitivity.criterion}, BatchNorm re-estimated"
        + (f"; latency {sensitivity.latency_provenance}" if timed else "")
        + ("; hollow: dirty" if any(effect.dirty for effect in sensitivity.effects) else ""),
        fontsize=8,
        color="0.4",
    )
    figure.savefig(path, format=suffix.removeprefix("."), dpi=150)


def _say(axis: Axes, level: float, value: float, text: str) -> None:
    """The figure at the end of its bar: most bars are too short to be read off."""
    axis.annotate(
        text, (max(value, 0), level), xytext=(3, 0), textcoords="offset points", va="center", fontsize=6, color="0.3"
    )
