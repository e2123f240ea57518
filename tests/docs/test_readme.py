"""The first screen of the README says what the results say."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_measured_numbers_are_those_of_the_results() -> None:
    """Every measured value that the README opens with stands on a page that is written from result files."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = ("docs/results.md", "docs/cold.md", "docs/scale-encoding.md", "benchmarks/README.md")
    page = "".join((ROOT / name).read_text(encoding="utf-8") for name in pages)
    opening = readme.partition("<!-- measured -->")[2].partition("<!-- end -->")[0]
    values = re.findall(r"(?<![\w.])\.\d{4}|\+[\d.]+ % \[[\d., ]+\]", opening)
    assert len(values) >= 8
    assert [value for value in values if value not in page] == []


def test_pictures_and_links_exist() -> None:
    """Every file of the repository that the README shows or points to is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"", readme)
    files = [first or second for first, second in targets if not (first or second).startswith("http")]
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
