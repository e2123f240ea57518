"""The numbers in the figures are those of the results."""

import json
import re
from typing import Any

import plotly.graph_objects
import pytest

from llminit.report.data import ReportData
from llminit.results import Cell, Method
from oracles_report import gain, mean_and_margin, values
from synthetic_results import ENCODERS, MAPPED, N_ITEMS

MPNET, MINILM = ENCODERS

Figures = dict[str, dict[str, Any]]


def method(model: str, init: str, encoder: str | None = None, **more: Any) -> Method:
    return Method(**{"model": model, "init": init, "encoder": encoder, "embedding_size": 128} | more)


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace["name"] == name)


def history_of(cell: Cell) -> list[dict[str, Any]]:
    assert cell.history is not None
    return cell.history


def close(number: Any) -> Any:
    """About the number, or the numbers: figures keep six digits."""
    return pytest.approx(number, rel=1e-5, abs=1e-9)


def test_dots_are_means_with_their_intervals(figures: Figures, data: ReportData) -> None:
    """A dot of the result plot is the mean over seeds, and its bar Student's 95 % interval."""
    shown = {
        label: (x, plus, minus)
        for dots in figures["dots"]["data"]
        for label, x, plus, minus in zip(
            dots["text"], dots["x"], dots["error_x"]["array"], dots["error_x"]["arrayminus"], strict=True
        )
    }
    assert len(shown) == len(data.main) == 2 * 7 + 3 + 4
    for main in data.main:
        mean, margin = mean_and_margin(values(data.cells, main))
        assert shown[data.labels[main]] == (close(mean), close(margin), close(margin))


def test_dots_stand_on_the_line_of_their_name(figures: Figures, data: ReportData) -> None:
    """The tick beside a dot is the dot's method, the best one on top."""
    ticks = figures["dots"]["layout"]["yaxis"]["ticktext"]
    for dots in figures["dots"]["data"]:
        assert [ticks[row] for row in dots["y"]] == dots["text"]
    means = {data.labels[main]: mean_and_margin(values(data.cells, main))[0] for main in data.main}
    assert [means[label] for label in ticks] == close(sorted(means.values()))


def test_the_dashed_line_is_the_strongest_baseline(figures: Figures, data: ReportData) -> None:
    """The line in the result plot stands at the highest mean of a baseline."""
    baselines = [Method(model=name) for name in ("popularity", "item-knn", "ease")]
    best = max(mean_and_margin(values(data.cells, baseline))[0] for baseline in baselines)
    assert figures["dots"]["layout"]["shapes"][0]["x0"] == close(best)


def test_paired_gains_are_those_of_the_verdicts(figures: Figures, data: ReportData) -> None:
    """The gain plot has each text initialisation once a protocol, at the verdict's gain in percent."""
    for protocol in ("standard", "paper"):
        drawn = trace(figures["gains"], protocol)
        verdicts = [verdict for verdict in data.main_verdicts(protocol) if verdict.family == "init"]
        assert len(verdicts) == len(drawn["x"]) == 12
        for verdict, x, symbol in zip(verdicts, drawn["x"], drawn["marker"]["symbol"], strict=True):
            assert x == close(100 * (verdict.mean / verdict.reference_mean - 1))
            assert symbol.endswith("-open") == (verdict.outcome == "no difference shown")


def test_learning_curves_are_means_while_all_seeds_train(figures: Figures, data: ReportData) -> None:
    """A learning curve is the mean over seeds at each epoch that all of them reached, against epochs and seconds."""
    cells = [cell for cell in data.cells if cell.key.method == method("lightgcn", "whiten", MPNET)]
    histories = [history_of(cell) for cell in cells]
    length = min(map(len, histories))
    expected = [sum(history[i]["valid"] for history in histories) / 3 for i in range(length)]
    by_epoch = trace(figures["learning-0-epochs"], f"whiten ({MPNET})")
    by_second = trace(figures["learning-0-seconds"], f"whiten ({MPNET})")
    assert by_epoch["x"] == list(range(1, length + 1))
    assert by_second["x"] == close([histories[0][i]["seconds"] for i in range(length)])
    assert by_epoch["y"] == by_second["y"] == close(expected)
    assert by_epoch["marker"]["size"].index(10) == expected.index(max(expected))


@pytest.mark.parametrize("aspect", ["user_degree", "item_popularity"])
def test_group_gains_are_paired_differences(figures: Figures, data: ReportData, aspect: str) -> None:
    """A point of a group curve is the mean over seeds of the difference to xavier within that group."""
    figure = figures[f"groups-1-{aspect}"]
    bins = figure["layout"]["xaxis"]["ticktext"]
    assert bins == ["1", "2-4", "5-9", "10+"]
    shown = trace(figure, f"pca ({MINILM})")
    pca, xavier = method("sgcl", "pca", MINILM), method("sgcl", "xavier")
    assert shown["y"] == close([gain(data.cells, pca, xavier, f"{aspect}={name}") for name in bins])


@pytest.mark.parametrize(
    ("field", "value", "labels"), [("train_share", 0.5, ["50%", "100%"]), ("max_history", 2, ["2", "all"])]
)
def test_sparsity_gains_compare_with_xavier_on_the_same_data(
    figures: Figures, data: ReportData, field: str, value: float, labels: list[str]
) -> None:
    """With less data, the gain is over xavier that trained on as little."""
    figure = figures[f"sparsity-0-{field}"]
    assert figure["layout"]["xaxis"]["ticktext"] == labels
    settings: tuple[dict[str, Any], ...] = ({field: value}, {})
    expected = [
        gain(data.cells, method("lightgcn", "variance", MPNET, **setting), method("lightgcn", "xavier", **setting))
        for setting in settings
    ]
    assert trace(figure, f"variance ({MPNET})")["y"] == close(expected)


def test_the_sweep_is_recall_by_embedding_size(figures: Figures, data: ReportData) -> None:
    """The dimension sweep has xavier and text at each embedding size."""
    for name, init, encoder in (("xavier", "xavier", None), (f"variance ({MPNET})", "variance", MPNET)):
        shown = trace(figures["sweep-0"], name)
        assert shown["x"] == [16, 128, 256]
        sized = [method("lightgcn", init, encoder, embedding_size=size) for size in shown["x"]]
        means = [mean_and_margin(values(data.cells, at_size)) for at_size in sized]
        assert shown["y"] == close([mean for mean, _ in means])
        assert shown["error_y"]["array"] == close([margin for _, margin in means])


@pytest.mark.parametrize("state", ["initial", "final"])
def test_spectra_begin_at_one(figures: Figures, data: ReportData, state: str) -> None:
    """A spectrum is each singular value as a share of the largest."""
    cell = next(cell for cell in data.cells if cell.key.method == method("sgcl", "variance", MPNET))
    assert cell.collapse is not None
    singular = cell.collapse[state]["singular_values"]
    shown = trace(figures[f"spectra-1-{state}"], f"variance ({MPNET})")
    assert shown["y"][0] == 1
    assert shown["y"] == close([value / singular[0] for value in singular])


def test_the_map_has_every_item_twice(figures: Figures, data: ReportData) -> None:
    """Both maps show the same items in the same order, with the coordinates of the file."""
    items = data.maps[MAPPED]
    text, trained = (figures[f"map-{space}"]["data"][0] for space in ("text", "trained"))
    assert len(text["x"]) == N_ITEMS
    assert text["text"] == trained["text"]
    assert text["x"] == close(items["x_text"].to_list())
    assert trained["y"] == close(items["y_trained"].to_list())
    assert text["marker"]["color"] == trained["marker"]["color"]


def test_plotly_accepts_every_figure(figures: Figures) -> None:
    """Plotly's own validation finds no unknown or unusable property in any figure."""
    assert len(figures) > 15
    for anchor, figure in figures.items():
        # The page puts the colours of its theme in place of their names.
        plain = json.loads(re.sub(r'"--[a-z0-9/]+"', '"black"', json.dumps(figure)))
        assert len(plotly.graph_objects.Figure(plain).data) == len(figure["data"]), anchor


def test_no_two_series_look_alike(data: ReportData) -> None:
    """Series differ in marker and in colour or dash, so that colour is never needed to tell them apart."""
    looks = [(style.symbol, style.dash) for style in data.styles.values()]
    assert len(looks) == 7
    assert len({symbol for symbol, _ in looks}) == len(looks)
