"""The picture of quality against seconds of training, as two SVG files for light and for dark pages.

python benchmarks/quality_plot.py benchmarks/results/time_to_quality.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from llminit.report.front import Point
from llminit.report.numbers import Mean
from llminit.report.quality_svg import draw_quality
from llminit.report.styles import Style
from llminit.report.svg import SCHEMES

PRESETS = "LLMInit's presets", Style("--s1", "circle", "solid")
OTHERS = "other models in LLMInit", Style("--s3", "square", "solid")
PEERS = "other libraries", Style("--s2", "diamond", "solid")
METRIC = "ndcg@10"


def main() -> None:
    """Draw the pictures again from a result file, beside it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path, help="what time_to_quality.py wrote")
    write(json.loads((path := parser.parse_args().results).read_text(encoding="utf-8")), path)


def write(content: dict[str, Any], path: Path) -> None:
    """Write both pictures.

    Args:
        content: What a result file holds.
        path: The result file; the pictures are beside it, and have its name and the scheme.
    """
    for name, picture in pictures(content).items():
        path.with_name(f"{path.stem}-{name}.svg").write_text(picture, encoding="utf-8")


def pictures(content: dict[str, Any]) -> dict[str, str]:
    """Return the pictures as SVG text, by scheme.

    Args:
        content: `setting`, and `rows`, each with `method`, `kind` ("LLMInit" or "peer"), `seconds` and `ndcg@10`.
    """
    points = [_point(row) for row in content["rows"]]
    return {
        scheme: draw_quality(points, METRIC, scheme, "seconds of training", content["setting"]) for scheme in SCHEMES
    }


def _point(row: dict[str, Any]) -> Point:
    is_preset = row["method"].startswith("LLMInit ")
    series, style = PEERS if row["kind"] == "peer" else PRESETS if is_preset else OTHERS
    return Point(row["method"], row["seconds"], Mean(row[METRIC], None, None, 1), row["method"], series, style)


if __name__ == "__main__":
    main()
