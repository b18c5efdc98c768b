"""Page: one slide with its title, its footer, and what is put on it by boxes of the grid."""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml.ns import qn
from pptx.presentation import Presentation as Deck
from pptx.shapes.autoshape import Shape
from pptx.slide import Slide
from pptx.table import _Cell
from pptx.text.text import TextFrame, _Paragraph
from pptx.util import Emu, Inches, Pt

from search.export.deck import style
from search.export.deck.lettering import fitting, height, lines, shortened, width
from search.export.deck.style import Box, colour

# The place of the layout with a title and nothing else, in python-pptx's own template.
_TITLE_ONLY = 5
# "No style, no grid": rules are drawn here.
_PLAIN_TABLE = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"
_CELL_MARGIN = 0.06
# The room left of words that follow figures, which stand right.
_APART = 0.14


def new_deck() -> Deck:
    """16:9, in our letters and colours, also for what somebody adds by hand."""
    deck = Presentation()
    wider = style.PAGE.width / Emu(deck.slide_width or 1).inches
    deck.slide_width, deck.slide_height = Inches(style.PAGE.width), Inches(style.PAGE.height)
    for part in (deck.slide_master, *deck.slide_layouts):
        for shape in part.placeholders:
            shape.left, shape.width = Emu(int(shape.left * wider)), Emu(int(shape.width * wider))
    theme = deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    root = etree.fromstring(theme.blob)
    for letters in root.iter(qn("a:majorFont"), qn("a:minorFont")):
        letters.find(qn("a:latin")).set("typeface", style.FONT)
    accents = (style.BLUE, style.VERMILION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY)
    for place, accent in enumerate(accents, start=1):
        for entry in root.iter(qn(f"a:accent{place}")):
            entry[:] = [etree.Element(qn("a:srgbClr"), val=accent)]
    theme._blob = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return deck


@dataclass
class Page:
    slide: Slide

    @classmethod
    def add(cls, deck: Deck, title: str, subtitle: str, line: str, caveats: Sequence[str], notes: str) -> "Page":
        page = cls(deck.slides.add_slide(deck.slide_layouts[_TITLE_ONLY]))
        heading = page.slide.shapes.title
        assert heading is not None
        page._title(heading, style.TITLE, title, style.TITLE_PT)
        if subtitle:
            page.text(style.SUBTITLE, [subtitle], points=style.SUBTITLE_PT, ink=style.SOFT)
        if caveats:
            caveat = " · ".join(caveats)
            page.text(style.CAVEAT, [caveat[0].upper() + caveat[1:]], points=style.CAVEAT_PT, ink=style.VERMILION,
                      bold=True)  # fmt: skip
        page.text(style.FOOTER, [line], points=style.FOOTER_PT, ink=style.SOFT, most=2)
        page._number()
        notes_frame = page.slide.notes_slide.notes_text_frame
        assert notes_frame is not None
        notes_frame.text = notes
        return page

    def _title(self, heading: Shape, box: Box, text: str, sizes: Sequence[int]) -> None:
        heading.left, heading.top, heading.width, heading.height = map(Inches, box)
        frame = heading.text_frame
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
        frame.vertical_anchor = MSO_ANCHOR.BOTTOM
        room = {size: int(box.height * 72 / (1.2 * size)) for size in sizes}
        points = next((size for size in sizes if len(lines(text, size, box.width, bold=True)) <= room[size]), sizes[-1])
        _fill(frame, [shortened(text, points, box.width, room[points], bold=True)], points, bold=True)

    def cover(self, title: str, band: str) -> None:
        """A title page: the title large, a band in a colour at the edge."""
        heading = self.slide.shapes.title
        assert heading is not None
        heading.text_frame.clear()
        self._title(heading, style.COVER_TITLE, title, (40, 34, 28, 24))
        self.block(Box(0, 0, style.BAND, style.PAGE.height), band)

    def block(self, box: Box, ink: str) -> None:
        shape = self.slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *map(Inches, box))
        shape.fill.solid()
        shape.fill.fore_color.rgb = colour(ink)
        shape.line.fill.background()
        shape.shadow.inherit = False

    def text(
        self,
        box: Box,
        texts: Sequence[str],
        *,
        points: float = style.TEXT_PT,
        ink: str = style.INK,
        bold: bool = False,
        most: int = 1,
        right: bool = False,
    ) -> None:
        """Each at most so many lines long."""
        frame = self._frame(box)
        fitted = [shortened(text, points, box.width, most, bold=bold) for text in texts]
        _fill(frame, fitted, points, ink=ink, bold=bold, right=right)

    def key(self, box: Box, entries: Sequence[tuple[str, str]]) -> None:
        """What colours mean, on one line."""
        frame = self._frame(box)
        _fill(frame, [f"{text}     " for text, _ in entries[:1]], style.CHART_PT)
        for text, _ in entries[1:]:
            frame.paragraphs[0].add_run().text = f"{text}     "
        for run, (_, ink) in zip(frame.paragraphs[0].runs, entries, strict=True):
            run.font.size, run.font.bold, run.font.color.rgb = Pt(style.CHART_PT), True, colour(ink)

    def points(
        self, box: Box, texts: Sequence[str], *, sizes: Sequence[float] = (style.TEXT_PT,), after: float = 8
    ) -> None:
        """Statements one below the other, in the largest size that they fit in; what does not goes to the notes."""
        size = next((size for size in sizes if height(texts, size, box.width, after=after) <= box.height), sizes[-1])
        fitted = fitting(texts, size, box.width, box.height, after)
        _fill(self._frame(box), fitted, size, after=after)
        if fitted != list(texts):
            notes = self.slide.notes_slide.notes_text_frame
            notes.text = "\n".join([*texts, "", notes.text])

    def card(self, box: Box, heading: str, texts: Sequence[str], ink: str) -> None:
        """A heading in its colour, and what belongs to it."""
        self.block(Box(box.left, box.top, 0.06, box.height), ink)
        inner = Box(box.left + 0.18, box.top, box.width - 0.18, box.height)
        frame = self._frame(inner)
        fitted = [shortened(text, 14, inner.width) for text in texts]
        _fill(frame, [shortened(heading, style.TEXT_PT, inner.width, bold=True), *fitted], 14)
        first = frame.paragraphs[0].runs[0].font
        first.size, first.bold, first.color.rgb = Pt(style.TEXT_PT), True, colour(ink)

    def table(
        self,
        box: Box,
        headings: Sequence[str],
        cells: Sequence[Sequence[str]],
        *,
        bold_columns: Collection[int] = (),
        marked_rows: Collection[int] = (),
        points: float | None = None,
    ) -> float:
        """Draws a table as wide as the box; returns how tall it is. Numbers stand right."""
        size = points or next(size for rows, size in style.TABLE_PT if len(cells) + 1 <= rows)
        text_columns = {column for column in range(len(headings)) if any(_is_text(row[column]) for row in cells)}
        aside = [_APART if column in text_columns and column else 0.0 for column in range(len(headings))]
        widths = _widths(headings, cells, size, box.width, aside)
        heads = max(
            len(lines(head, size, room - left - 2 * _CELL_MARGIN - 0.02, bold=True))
            for head, room, left in zip(headings, widths, aside, strict=True)
        )
        head_height = heads * size * 1.2 / 72 + 0.1
        # Rows stand closer where there are many; a line of text and the cell's margins take so much.
        least = size * 1.2 / 72 + 0.045
        row_height = max(least, min(least + 0.06, (box.height - head_height - 0.05) / max(1, len(cells))))
        tall = head_height + row_height * len(cells)
        place = tuple(map(Inches, (box.left, box.top, sum(widths), tall)))
        table = self.slide.shapes.add_table(len(cells) + 1, len(headings), *place).table
        table._tbl.tblPr.find(qn("a:tableStyleId")).text = _PLAIN_TABLE
        table.horz_banding = False
        for column, room in zip(table.columns, widths, strict=True):
            column.width = Inches(room)
        for place_down, row in enumerate(table.rows):
            row.height = Inches(row_height if place_down else head_height)
        for down, texts in enumerate([headings, *cells]):
            for across, text in enumerate(texts):
                cell = table.cell(down, across)
                bold = down == 0 or across in bold_columns
                room = widths[across] - aside[across] - 2 * _CELL_MARGIN - 0.02
                fitted = text if down == 0 else shortened(text, size, room, bold=bold)
                _fill(cell.text_frame, [fitted], size, ink=style.INK, bold=bold, right=across not in text_columns)
                cell.vertical_anchor = MSO_ANCHOR.BOTTOM if down == 0 else MSO_ANCHOR.MIDDLE
                cell.margin_left, cell.margin_right = Inches(_CELL_MARGIN + aside[across]), Inches(_CELL_MARGIN)
                cell.margin_top = cell.margin_bottom = Inches(0.02)
                _rule(cell, style.INK if down == 0 else style.RULE, 1.5 if down == 0 else 0.5)
                if down - 1 in marked_rows:
                    cell.fill.solid()
                    cell.fill.fore_color.rgb = colour(style.PALE)
        return tall

    def _frame(self, box: Box) -> TextFrame:
        frame = self.slide.shapes.add_textbox(*map(Inches, box)).text_frame
        frame.word_wrap = True
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
        return frame

    def _number(self) -> None:
        """A field: it stays right when slides are moved."""
        frame = self._frame(style.NUMBER)
        _fill(frame, ["‹#›"], style.FOOTER_PT, ink=style.SOFT, right=True)
        run = frame.paragraphs[0]._p.find(qn("a:r"))
        assert run is not None
        field = etree.Element(qn("a:fld"), id="{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}", type="slidenum")
        field.extend(copy.deepcopy(child) for child in run)
        run.getparent().replace(run, field)


def _fill(
    frame: TextFrame,
    texts: Sequence[str],
    points: float,
    *,
    ink: str = style.INK,
    bold: bool = False,
    right: bool = False,
    after: float = 0,
) -> None:
    frame.word_wrap = True
    for place, text in enumerate(texts):
        paragraph: _Paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = text
        run.font.size, run.font.bold = Pt(points), bold
        run.font.color.rgb = colour(ink)
        paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
        paragraph.space_after = Pt(after)


def _widths(
    headings: Sequence[str], cells: Sequence[Sequence[str]], points: float, room: float, aside: Sequence[float]
) -> list[float]:
    """Each column is as wide as what stands in it; the room that is left is shared out, what is missing the
    widest give."""
    padding = 2 * _CELL_MARGIN + 0.06
    wanted = []
    for place, head in enumerate(headings):
        words = [width(word, points, bold=True) for word in head.split()]
        # A heading may take two lines, or three.
        least = max(max(words, default=0.0), sum(words) / 2)
        wanted.append(max([least, *(width(row[place], points, bold=True) for row in cells)]) + padding + aside[place])
    while sum(wanted) > room + 1e-6:
        widest = max(wanted)
        second = max([room_wanted for room_wanted in wanted if room_wanted < widest - 1e-6], default=0.0)
        many = [place for place, room_wanted in enumerate(wanted) if room_wanted >= widest - 1e-6]
        give = min(widest - second, (sum(wanted) - room) / len(many))
        for place in many:
            wanted[place] -= give
    return [room_wanted + (room - sum(wanted)) / len(wanted) for room_wanted in wanted]


def _is_text(cell: str) -> bool:
    return bool(cell.strip("–")) and not cell[:1].isdigit()


def _rule(cell: _Cell, ink: str, points: float) -> None:
    """A line below; python-pptx has no words for it."""
    properties = cell._tc.get_or_add_tcPr()
    line = etree.SubElement(properties, qn("a:lnB"), w=str(int(Pt(points))))
    fill = etree.SubElement(line, qn("a:solidFill"))
    etree.SubElement(fill, qn("a:srgbClr"), val=ink)
