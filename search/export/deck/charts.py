"""Charts: native ones, whose figures a person can edit; error bars and letters that python-pptx has no words for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from pptx.chart.axis import _BaseAxis
from pptx.chart.chart import Chart
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import (
    XL_AXIS_CROSSES,
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
)
from pptx.enum.dml import MSO_LINE
from pptx.oxml.ns import qn
from pptx.util import Inches, Pt

from search.export.deck import style
from search.export.deck.scale import Scale
from search.export.deck.slide import Page
from search.export.deck.style import Box, colour

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    points: Sequence[Span]
    ink: str
    # None: a line without points.
    marker: XL_MARKER_STYLE | None = XL_MARKER_STYLE.CIRCLE
    size: int = 7
    # Whether the legend names it; what it does not name is named elsewhere.
    named: bool = False
    line: bool = False
    dashed: bool = False
    # Below and above each point, of the figure across and of the figure upwards.
    across: Sequence[Span] = field(default=())
    upwards: Sequence[Span] = field(default=())


@dataclass(frozen=True, slots=True)
class ChartAxis:
    title: str
    scale: Scale


def draw_scatter(
    page: Page, box: Box, series: Sequence[Series], across: ChartAxis, upwards: ChartAxis, *, legend: bool = True
) -> None:
    # LibreOffice does not draw the first series where another has more points.
    longest = max(range(len(series)), key=lambda place: len(series[place].points))
    series = [series[longest], *series[:longest], *series[longest + 1 :]]
    data = XyChartData()
    for points_series in series:
        added = data.add_series(points_series.name)
        for x, y in points_series.points:
            added.add_data_point(x, y)
    chart = _chart(page, box, XL_CHART_TYPE.XY_SCATTER, data)
    for drawn, points_series in zip(chart.plots[0].series, series, strict=True):
        _draw(drawn, points_series)
    _axis(chart.category_axis, across)
    _axis(chart.value_axis, upwards)
    chart.has_legend = legend
    if legend:
        _legend(chart, [place for place, points_series in enumerate(series) if points_series.named])


def columns(
    page: Page,
    box: Box,
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float | None], str]],
    upwards: ChartAxis,
    *,
    across: str = "",
    labelled: str | None = None,
    bars: bool = False,
) -> None:
    """Columns beside each other; with `labelled`, a number format, each column says its figure."""
    data = CategoryChartData()
    data.categories = list(names)
    for name, values, _ in series:
        data.add_series(name, list(values))
    kind = XL_CHART_TYPE.BAR_CLUSTERED if bars else XL_CHART_TYPE.COLUMN_CLUSTERED
    chart = _chart(page, box, kind, data)
    plot = chart.plots[0]
    plot.gap_width, plot.overlap = 60, 0
    for drawn, (_, _, ink) in zip(plot.series, series, strict=True):
        drawn.format.fill.solid()
        drawn.format.fill.fore_color.rgb = colour(ink)
        drawn.invert_if_negative = False
    _axis(chart.value_axis, upwards)
    category = chart.category_axis
    if across:
        category.has_title = True
        _title(category, across)
    category.format.line.color.rgb = colour(style.SOFT)
    category.tick_labels.font.size = Pt(style.CHART_PT)
    category.has_major_gridlines = False
    if bars:
        # The first on top.
        category.reverse_order = True
        chart.value_axis.visible = False
        chart.value_axis.has_major_gridlines = False
    if labelled:
        plot.has_data_labels = True
        labels = plot.data_labels
        labels.number_format, labels.number_format_is_linked = labelled, False
        labels.position = XL_LABEL_POSITION.OUTSIDE_END
        labels.font.size = Pt(style.CHART_PT)
    if len(series) > 1:
        _legend(chart)
    else:
        chart.has_legend = False


def _chart(page: Page, box: Box, kind: XL_CHART_TYPE, data: Any) -> Chart:
    frame = page.slide.shapes.add_chart(kind, *map(Inches, box), data)
    chart: Chart = frame.chart
    chart.has_title = False
    chart.font.size = Pt(style.CHART_PT)
    chart.font.name = style.FONT
    chart.font.color.rgb = colour(style.INK)
    return chart


def _draw(drawn: Any, series: Series) -> None:
    line = drawn.format.line
    if series.line:
        line.color.rgb, line.width = colour(series.ink), Pt(1.75)
        if series.dashed:
            line.dash_style = MSO_LINE.DASH
    else:
        line.fill.background()
    drawn.smooth = False
    marker = drawn.marker
    marker.style = series.marker or XL_MARKER_STYLE.NONE
    if series.marker is not None:
        # A cross is all outline; LibreOffice draws no outlines, but fills it.
        cross = series.marker == XL_MARKER_STYLE.X
        marker.size = series.size
        marker.format.fill.solid()
        marker.format.fill.fore_color.rgb = colour(series.ink)
        marker.format.line.color.rgb = colour(series.ink if cross else style.WHITE)
        marker.format.line.width = Pt(1 if cross else 0.5)
    for direction, spans in (("x", series.across), ("y", series.upwards)):
        if spans:
            _error_bars(drawn._element, direction, spans, series.ink)


def _error_bars(series: Any, direction: str, spans: Sequence[Span], ink: str) -> None:
    """Bars from below to above each point; they stand between the labels and the values (ECMA-376, CT_ScatterSer)."""
    bars = etree.Element(qn("c:errBars"))
    for name, value in (("errDir", direction), ("errBarType", "both"), ("errValType", "cust"), ("noEndCap", "1")):
        etree.SubElement(bars, qn(f"c:{name}"), val=value)
    for name, place in (("plus", 1), ("minus", 0)):
        numbers = etree.SubElement(etree.SubElement(bars, qn(f"c:{name}")), qn("c:numLit"))
        etree.SubElement(numbers, qn("c:formatCode")).text = "General"
        etree.SubElement(numbers, qn("c:ptCount"), val=str(len(spans)))
        for index, span in enumerate(spans):
            point = etree.SubElement(numbers, qn("c:pt"), idx=str(index))
            etree.SubElement(point, qn("c:v")).text = repr(float(span[place]))
    shape = etree.SubElement(bars, qn("c:spPr"))
    line = etree.SubElement(shape, qn("a:ln"), w=str(int(Pt(1.25))))
    etree.SubElement(etree.SubElement(line, qn("a:solidFill")), qn("a:srgbClr"), val=ink)
    series.find(qn("c:xVal")).addprevious(bars)


def _axis(axis: _BaseAxis, chosen: ChartAxis) -> None:
    scale = chosen.scale
    axis.minimum_scale, axis.maximum_scale = scale.low, scale.high
    # The axes cross at their lowest figures, not where the other figure is 0 or 1.
    axis.crosses = XL_AXIS_CROSSES.MINIMUM
    if scale.base:
        scaling = axis._element.find(qn("c:scaling"))
        scaling.insert(0, etree.Element(qn("c:logBase"), val=str(scale.base)))
    # A tick of a logarithmic axis is so many times the one before.
    axis.major_unit = scale.base or scale.step
    axis.has_major_gridlines = True
    axis.major_gridlines.format.line.color.rgb = colour("E3E8EC")
    axis.format.line.color.rgb = colour(style.SOFT)
    axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    labels = axis.tick_labels
    labels.number_format, labels.number_format_is_linked = scale.number_format, False
    labels.font.size = Pt(style.CHART_PT)
    axis.has_title = bool(chosen.title)
    if chosen.title:
        _title(axis, chosen.title)


def _title(axis: _BaseAxis, text: str) -> None:
    frame = axis.axis_title.text_frame
    frame.text = text
    font = frame.paragraphs[0].runs[0].font
    font.size, font.bold = Pt(style.CHART_PT), False
    font.color.rgb = colour(style.SOFT)


def _legend(chart: Chart, left_out: Sequence[int] = ()) -> None:
    chart.has_legend = True
    assert chart.legend is not None
    chart.legend.position = XL_LEGEND_POSITION.BOTTOM
    chart.legend.include_in_layout = False
    chart.legend.font.size = Pt(style.CHART_PT)
    for place in left_out:
        entry = etree.Element(qn("c:legendEntry"))
        etree.SubElement(entry, qn("c:idx"), val=str(place))
        etree.SubElement(entry, qn("c:delete"), val="1")
        chart.legend._element.find(qn("c:legendPos")).addnext(entry)
