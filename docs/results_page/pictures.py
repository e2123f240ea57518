"""The pictures of the page, and where they stand."""

from llminit.report.front import Point, pareto_front
from llminit.report.quality_svg import draw_quality
from llminit.report.sections.quality import METRIC, points_of
from llminit.report.svg import SCHEMES
from results_page import sizes
from results_page.markdown import number, picture, share
from results_page.sources import DataSet, Plan

_SECONDS = "seconds to train or fit"
_TEXT = (
    "Every model below at its mean {metric} (`standard`, with its 95 % interval over seeds) and at the seconds, the "
    "median over seeds, that it took to train or fit on two cores: initial embeddings, all validation with early "
    "stopping and the search over a baseline's options are in them; reading, filtering, splitting, and encoding the "
    "texts, once for all, are not. Runs shared the machine with each other and with other work, so times are rough. "
    "The dashed line is the Pareto front of the means: no other model has a higher one in as little time."
)


def section(data_sets: list[DataSet]) -> list[str]:
    """Return the lines of the first pictures: quality against seconds on each data set."""
    shown = [(data, _points(data)) for data in data_sets]
    if not any(points for _, points in shown):
        return []
    metric = f"{METRIC}@{data_sets[0].loaded.k}"
    lines = ["## Quality against seconds", "", _TEXT.format(metric=metric), ""]
    for data, points in shown:
        if points:
            front = "; ".join(_described(point) for point in pareto_front(points))
            alt = f"{metric} against {_SECONDS} on {data.short}"
            lines += [*picture(f"{data.name}-quality", alt), f"{data.short}, on the front: {front}.", ""]
    return lines


def drawn(data_sets: list[DataSet], plan: Plan) -> dict[str, str]:
    """Return the pictures of the page as SVG text, by the names of their files."""
    files = {}
    for data in data_sets:
        points, metric = _points(data), f"{METRIC}@{data.loaded.k}"
        for scheme in SCHEMES:
            if points:
                files[f"{data.name}-quality-{scheme}.svg"] = draw_quality(points, metric, scheme, _SECONDS)
            if picture_of_sizes := sizes.drawn(data, plan, scheme):
                files[f"{data.name}-sizes-{scheme}.svg"] = picture_of_sizes
    return files


def _points(data: DataSet) -> list[Point]:
    return list(points_of(data.loaded).values())


def _described(point: Point) -> str:
    return f"{point.name} ({share(point.quality.mean)} in {number(point.seconds)} s)"
