"""Style: the grid, the sizes and the colours that every slide shares."""

from typing import NamedTuple

from pptx.dml.color import RGBColor


class Box(NamedTuple):
    """A rectangle in inches, on a page of 13.333 x 7.5."""

    left: float
    top: float
    width: float
    height: float

    def columns(self, *shares: float, gap: float = 0.4) -> tuple["Box", ...]:
        """Side by side, in these proportions."""
        room = self.width - gap * (len(shares) - 1)
        lefts = [self.left + room * sum(shares[:place]) / sum(shares) + gap * place for place in range(len(shares))]
        return tuple(Box(left, self.top, room * share / sum(shares), self.height)
                     for left, share in zip(lefts, shares, strict=True))  # fmt: skip

    def top_part(self, height: float) -> "Box":
        return self._replace(height=height)

    def below(self, height: float, gap: float = 0.15) -> "Box":
        """What is left under the uppermost `height`."""
        return self._replace(top=self.top + height + gap, height=self.height - height - gap)


PAGE = Box(0, 0, 13.333, 7.5)
_MARGIN = 0.6
_WIDTH = PAGE.width - 2 * _MARGIN
TITLE = Box(_MARGIN, 0.28, _WIDTH, 0.7)
SUBTITLE = Box(_MARGIN, 0.98, _WIDTH, 0.36)
BODY = Box(_MARGIN, 1.5, _WIDTH, 4.85)
BAND = 0.3
COVER_TITLE = Box(_MARGIN, 0.9, _WIDTH, 1.35)
CAVEAT = Box(_MARGIN, 6.42, _WIDTH, 0.32)
FOOTER = Box(_MARGIN, 6.86, _WIDTH - 0.9, 0.4)
NUMBER = Box(_MARGIN + _WIDTH - 0.8, 6.86, 0.8, 0.4)

FONT = "Arial"
# The sizes of letters, in points.
SUBTITLE_PT, TEXT_PT, CHART_PT, FOOTER_PT = 16, 16, 14, 10
# A title takes the largest in which it fits.
TITLE_PT = (26, 23, 20)
CAVEAT_PT = 14
# A table's text by how many rows it has at most.
TABLE_PT = ((5, 14), (9, 13), (12, 12), (17, 11))
MOST_ROWS = 16


def colour(text: str) -> RGBColor:
    return RGBColor.from_string(text)


INK, SOFT, RULE, PALE, WHITE = "1B2733", "56636E", "C9D1D8", "EEF3F7", "FFFFFF"
GREY = "A7B1BA"
# Every eye tells these colours apart (Okabe and Ito 2008).
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "0072B2", "D55E00", "009E73", "E69F00", "CC79A7", "56B4E9"
