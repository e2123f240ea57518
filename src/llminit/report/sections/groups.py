"""Where text helps: the gain over random initial embeddings by how much is known of users and items."""

from llminit.evaluation.groups import COUNT_BINS
from llminit.report.html import Section, paragraph
from llminit.report.loaded import Loaded
from llminit.report.numbers import Mean
from llminit.report.plots import REFERENCE, Figure, panel
from llminit.report.sections.gains import Steps, gains_figure
from llminit.results import Method

BINS = ("0", *COUNT_BINS)
_ASPECTS = {"user_degree": "user", "item_popularity": "item"}


def section(loaded: Loaded) -> Section | None:
    """Return the section; None where no group was measured beside its reference."""
    parts = [_backbone(loaded, backbone) for backbone in loaded.backbones]
    if not any(parts):
        return None
    text = (
        f"The difference in recall@{loaded.k} (standard) to the same backbone started from {REFERENCE}, by how many "
        "training interactions a user or an item has. Above zero, text helps; a line that falls to the right helps "
        "most where data is thin. Bars are 95 % intervals over seeds."
    )
    return Section("groups", "Where it helps", "Where it helps", paragraph(text) + "".join(parts))


def gains_by_bin(loaded: Loaded, method: Method, aspect: str) -> dict[object, Mean]:
    """Return a method's gain in each bin of `aspect` ("user_degree" or "item_popularity") that was measured."""
    found = {each: loaded.gain(method, "recall", group=f"{aspect}={each}") for each in BINS}
    return {each: gain for each, gain in found.items() if gain is not None}


def _backbone(loaded: Loaded, backbone: str) -> str:
    figures = [figure for aspect in _ASPECTS if (figure := _figure(loaded, backbone, aspect))]
    return panel(backbone, figures, loaded.styles) if figures else ""


def _figure(loaded: Loaded, backbone: str, aspect: str) -> Figure | None:
    methods = [each for each in loaded.trained(backbone) if each.init != REFERENCE]
    gains = {each: gains_by_bin(loaded, each, aspect) for each in methods}
    bins = [each for each in BINS if any(each in found for found in gains.values())]
    steps = Steps(bins, bins, f"training interactions of the {_ASPECTS[aspect]}")
    name = f"groups-{loaded.backbones.index(backbone)}-{aspect}"
    return gains_figure(loaded, name, gains, steps, f"{backbone}: gain over {REFERENCE} by {_ASPECTS[aspect]}.")
