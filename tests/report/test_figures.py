"""The numbers in the figures are those of the results."""

import json
import re

import plotly.graph_objects
import pytest

from llminit.results import Method
from oracles_report import gain, mean_and_margin, values
from synthetic_results import ENCODERS, MAPPED, N_ITEMS

MPNET, MINILM = ENCODERS


def method(model, init, encoder=None, **more):
    return Method(**{"model": model, "init": init, "encoder": encoder, "embedding_size": 128} | more)


def trace(found, name):
    return next(each for each in found["data"] if each["name"] == name)


def close(number):
    return pytest.approx(number, rel=1e-5, abs=1e-9)


def test_dots_are_means_with_their_intervals(figure, loaded):
    """A dot of the result plot is the mean over seeds, and its bar Student's 95 % interval."""
    found = figure("dots")
    shown = {
        label: (x, plus, minus)
        for each in found["data"]
        for label, x, plus, minus in zip(
            each["text"], each["x"], each["error_x"]["array"], each["error_x"]["arrayminus"], strict=True
        )
    }
    assert len(shown) == len(loaded.main) == 2 * 7 + 3 + 4
    for each in loaded.main:
        mean, margin = mean_and_margin(values(loaded.cells, each))
        assert shown[loaded.labels[each]] == (close(mean), close(margin), close(margin))


def test_dots_stand_on_the_line_of_their_name(figure, loaded):
    """The tick beside a dot is the dot's own method, the best one on top."""
    found = figure("dots")
    ticks = found["layout"]["yaxis"]["ticktext"]
    for each in found["data"]:
        assert [ticks[place] for place in each["y"]] == each["text"]
    means = {loaded.labels[each]: mean_and_margin(values(loaded.cells, each))[0] for each in loaded.main}
    assert [means[label] for label in ticks] == close(sorted(means.values()))


def test_the_dashed_line_is_the_strongest_baseline(figure, loaded):
    """The line in the result plot stands at the highest mean of a baseline."""
    baselines = [Method(model=name) for name in ("popularity", "item-knn", "ease")]
    best = max(mean_and_margin(values(loaded.cells, each))[0] for each in baselines)
    assert figure("dots")["layout"]["shapes"][0]["x0"] == close(best)


def test_paired_gains_are_those_of_the_verdicts(figure, loaded):
    """The gain plot has each text initialisation once a protocol, at the verdict's gain in percent."""
    found = figure("gains")
    for protocol in ("standard", "paper"):
        drawn = trace(found, protocol)
        verdicts = [each for each in loaded.main_verdicts(protocol) if each.family == "init"]
        assert len(verdicts) == len(drawn["x"]) == 12
        for verdict, x, symbol in zip(verdicts, drawn["x"], drawn["marker"]["symbol"], strict=True):
            assert x == close(100 * (verdict.mean / verdict.reference_mean - 1))
            assert symbol.endswith("-open") == (verdict.outcome == "no difference shown")


def test_learning_curves_are_means_while_all_seeds_train(figure, loaded):
    """A learning curve is the mean over seeds at each epoch that all of them reached, against epochs and seconds."""
    cells = [cell for cell in loaded.cells if cell.key.method == method("lightgcn", "whiten", MPNET)]
    length = min(len(cell.history) for cell in cells)
    expected = [sum(cell.history[i]["valid"] for cell in cells) / 3 for i in range(length)]
    by_epoch = trace(figure("learning-0-epochs"), f"whiten ({MPNET})")
    by_second = trace(figure("learning-0-seconds"), f"whiten ({MPNET})")
    assert by_epoch["x"] == list(range(1, length + 1))
    assert by_second["x"] == close([cells[0].history[i]["seconds"] for i in range(length)])
    assert by_epoch["y"] == by_second["y"] == close(expected)
    assert by_epoch["marker"]["size"].index(10) == expected.index(max(expected))


@pytest.mark.parametrize("aspect", ["user_degree", "item_popularity"])
def test_group_gains_are_paired_differences(figure, loaded, aspect):
    """A point of a group curve is the mean over seeds of the difference to xavier within that group."""
    found = figure(f"groups-1-{aspect}")
    bins = found["layout"]["xaxis"]["ticktext"]
    assert bins == ["1", "2-4", "5-9", "10+"]
    shown = trace(found, f"pca ({MINILM})")
    mine, reference = method("sgcl", "pca", MINILM), method("sgcl", "xavier")
    assert shown["y"] == close([gain(loaded.cells, mine, reference, f"{aspect}={each}") for each in bins])


@pytest.mark.parametrize(
    ("field", "value", "labels"), [("train_share", 0.5, ["50%", "100%"]), ("max_history", 2, ["2", "all"])]
)
def test_sparsity_gains_compare_with_xavier_on_the_same_data(figure, loaded, field, value, labels):
    """With less data, the gain is over xavier that trained on as little."""
    found = figure(f"sparsity-0-{field}")
    assert found["layout"]["xaxis"]["ticktext"] == labels
    sparse = {field: value}
    expected = [
        gain(loaded.cells, method("lightgcn", "variance", MPNET, **more), method("lightgcn", "xavier", **more))
        for more in (sparse, {})
    ]
    assert trace(found, f"variance ({MPNET})")["y"] == close(expected)


def test_the_sweep_is_recall_by_embedding_size(figure, loaded):
    """The dimension sweep has xavier and text at each embedding size."""
    found = figure("sweep-0")
    for name, init, encoder in (("xavier", "xavier", None), (f"variance ({MPNET})", "variance", MPNET)):
        shown = trace(found, name)
        assert shown["x"] == [16, 128, 256]
        sized = [method("lightgcn", init, encoder, embedding_size=size) for size in shown["x"]]
        means = [mean_and_margin(values(loaded.cells, each)) for each in sized]
        assert shown["y"] == close([mean for mean, _ in means])
        assert shown["error_y"]["array"] == close([margin for _, margin in means])


@pytest.mark.parametrize("state", ["initial", "final"])
def test_spectra_begin_at_one(figure, loaded, state):
    """A spectrum is each singular value as a share of the largest."""
    cell = next(cell for cell in loaded.cells if cell.key.method == method("sgcl", "variance", MPNET))
    singular = cell.collapse[state]["singular_values"]
    shown = trace(figure(f"spectra-1-{state}"), f"variance ({MPNET})")
    assert shown["y"][0] == 1
    assert shown["y"] == close([value / singular[0] for value in singular])


def test_the_map_has_every_item_twice(figure, loaded):
    """Both maps show the same items in the same order, at the places of the file."""
    items = loaded.maps[MAPPED]
    text, trained = (figure(f"map-{space}")["data"][0] for space in ("text", "trained"))
    assert len(text["x"]) == N_ITEMS
    assert text["text"] == trained["text"]
    assert text["x"] == close(items["x_text"].to_list())
    assert trained["y"] == close(items["y_trained"].to_list())
    assert text["marker"]["color"] == trained["marker"]["color"]


def test_plotly_accepts_every_figure(figures):
    """Plotly's own validation finds no unknown or unusable property in any figure."""
    assert len(figures) > 15
    for name, found in figures.items():
        # The page puts the colours of its theme in place of their names.
        plain = json.loads(re.sub(r'"--[a-z0-9/]+"', '"black"', json.dumps(found)))
        assert len(plotly.graph_objects.Figure(plain).data) == len(found["data"]), name


def test_no_two_series_look_alike(loaded):
    """Series differ in marker and in colour or dash, so that colour is never needed to tell them apart."""
    looks = [(style.symbol, style.dash) for style in loaded.styles.values()]
    assert len(looks) == 7
    assert len({symbol for symbol, _ in looks}) == len(looks)
