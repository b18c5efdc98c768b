"""Tests: those marked `gpu`."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from tests.benchmarks.gpu.check import ROOT, Check, Figure

LOG, REPORT = "tests.log", "tests.xml"
MARK = "pytest.mark.gpu"


def figures(check: Check) -> Iterator[Figure]:
    """The tests' figures are not kept: whoever runs them again has mended something."""
    files = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if MARK in path.read_text())
    report = check.work / REPORT
    report.unlink(missing_ok=True)
    status = check.run("-m", "pytest", "-m", "gpu", "-n", 0, "-q", f"--junitxml={report}", *files, log=LOG)
    if not report.exists():
        raise SystemExit(f"pytest ended with status {status}:\n{check.said(LOG)}")
    suite = next(ElementTree.parse(report).iter("testsuite"))
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    yield Figure(name="failed", value=failed, most=0, note=check.said(LOG).splitlines()[-1])
    yield Figure(name="passed", value=counts["tests"] - failed - counts["skipped"], least=1)
