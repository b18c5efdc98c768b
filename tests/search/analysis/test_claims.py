import re
import tomllib
from pathlib import Path

import pytest

from search.analysis.claims import Claim, read_claims
from search.scoring.audit import UNEXPLAINED
from space.errors import RequestError

ROOT = Path(__file__).parents[3]
REFERENCE = sorted((ROOT / "studies" / "reference").glob("*.csv"))
WITH_ENERGY = [file for file in REFERENCE if "energy_mj" in file.read_text()]


@pytest.fixture
def claims(tmp_path):
    """The rows of a file with this text."""

    def read(text: str, encoding: str = "utf-8") -> list[Claim]:
        (tmp_path / "table.csv").write_bytes(text.encode(encoding))
        return read_claims(tmp_path / "table.csv")

    return read


def figures(claim: Claim) -> tuple[float, float, float]:
    return claim.latency_ms, claim.energy_mj, claim.max_power_w


def test_the_published_tables_of_energies_have_twelve_rows():
    assert sum(len(read_claims(file)) for file in WITH_ENERGY) == 12


@pytest.mark.parametrize("file", WITH_ENERGY, ids=lambda file: file.stem)
def test_no_published_row_is_explained_by_latency_nor_by_less_than_five_times_of_it(file):
    for claim in read_claims(file):
        assert claim.audit.verdict == UNEXPLAINED
        assert 4.8 <= claim.audit.wall_multiple <= 6.0


def test_the_published_tables_and_their_source_are_installed_with_the_package():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["studies"]
    installed = {file for pattern in patterns for file in (ROOT / "studies").glob(pattern)}
    assert {*REFERENCE, ROOT / "studies" / "reference" / "SOURCE.txt"} <= installed


@pytest.mark.parametrize(
    "header",
    [
        "latency_ms,energy_mj,max_power_w",
        "Latency (ms),Energy (mJ),Max power (W)",
        "average latency [ms],energy mJ,max power [W]",
        " LATENCY MS , ENERGY MJ , PEAK POWER W ",
        "avg. latency ms/image,average energy mJ/image,Max. Power/W",
        "Inference time (ms),Energy consumption (mJ per image),Power max (watts)",
    ],
)
def test_columns_are_known_however_they_are_spelt(claims, header):
    assert figures(claims(f"{header}\n10,30,4\n")[0]) == (10, 30, 4)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("latency (s),energy (J),max power (mW)", "0.01,0.03,4000"),
        ("latency (µs),energy (uJ),max power (W)", "10000,30000,4"),
    ],
)
def test_other_units_are_converted(claims, header, row):
    assert figures(claims(f"{header}\n{row}\n")[0]) == pytest.approx((10, 30, 4))


def test_order_does_not_matter_and_other_columns_are_labels(claims):
    claim = claims("model,max_power_w,energy_mj,note,latency_ms\nint8,4,30,best,10\n")[0]
    assert figures(claim) == (10, 30, 4)
    assert claim.labels == {"model": "int8", "note": "best"}


def test_what_is_like_a_quantity_and_is_another_is_a_label(claims):
    other = "max latency ms,dynamic energy mJ,mean power W,latency change %"
    claim = claims(f"latency (ms),energy (mJ),max power (W),{other}\n10,30,4,99,5,2,7\n")[0]
    assert figures(claim) == (10, 30, 4)
    assert list(claim.labels) == other.split(",")


def test_idle_power_and_wall_time_are_read_where_they_are_given(claims):
    header = "latency_ms,energy_mj,max_power_w,Idle power (mW),wall time per image (s)"
    first, second = claims(f"{header}\n10,30,4,1900,0.02\n10,30,4,-,\n")
    assert (first.idle_power_w, first.wall_ms) == (pytest.approx(1.9), 20)
    assert (second.idle_power_w, second.wall_ms) == (None, None)


def test_where_several_columns_would_do_our_own_name_is_meant(claims):
    claim = claims("latency_ms,mean latency ms,energy_mj,max_power_w\n10,11,30,4\n")[0]
    assert claim.latency_ms == 10
    assert claim.labels == {"mean latency ms": "11"}


def test_files_of_spreadsheets_are_read(claims):
    (claim,) = claims("model;latency_ms;energy_mj;max_power_w\r\nint8;10;30;4\r\n;;;\r\n", "utf-8-sig")
    assert figures(claim) == (10, 30, 4)
    assert claim.labels == {"model": "int8"}


HEADER = "model,latency_ms,energy_mj,max_power_w"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column for latency_ms, energy_mj and max_power_w"),
        (
            "model,latency_ms,energy\nint8,1,2\n",
            "no column for energy_mj and max_power_w; needed are latency_ms, energy_",
        ),
        ("model,latency_ms,energy\nint8,1,2\n", "found: model, latency_ms, energy"),
        ('"average\nspeed",energy_mj\n1,2\n', "found: average speed, energy_mj"),
        (f"{HEADER}\n", "has no row below its column names"),
        (f"{HEADER}\na,1,2,3\nb,1,2,lots\n", "row 2, column max_power_w: 'lots' is not a number above 0"),
        (f"{HEADER}\na,0,2,3\n", "row 1, column latency_ms: '0' is not a number above 0"),
        (f"{HEADER}\na,1,nan,3\n", "row 1, column energy_mj: 'nan'"),
        (f"{HEADER}\na,1,,3\n", "row 1, column energy_mj: ''"),
        (f"{HEADER}\na,1,2\n", "row 1 has 3 cells; the column names are 4"),
        (f"{HEADER},wall_ms\na,1,2,3,soon\n", "row 1, column wall_ms: 'soon'"),
        (
            "latency ms,latency s,energy_mj,max_power_w\n1,1,1,1\n",
            "'latency ms' and 'latency s' could both be latency_ms",
        ),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(claims, text, message):
    with pytest.raises(RequestError, match=re.escape(message)) as caught:
        claims(text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe\x00latency")
    with pytest.raises(RequestError, match=r"table\.csv is not a CSV file"):
        read_claims(tmp_path / "table.csv")
