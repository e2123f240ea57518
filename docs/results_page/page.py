"""The page as a whole."""

from collections.abc import Sequence

from results_page import (
    compared,
    conclusions,
    confirmation,
    details,
    further,
    measured,
    missing,
    new_items,
    pictures,
    sizes,
)
from results_page.commands import rewrite_command, section, short_command
from results_page.sources import DataSet, Plan, Published, besides

_INTRO = (
    "Does a start from text embeddings make a collaborative-filtering model better, and is it then better than "
    "simpler ones? The paper's tables (arXiv 2503.01814), run again over several seeds, with tuned baselines, controls "
    "and paired tests, for a reader who must decide."
)
_PROTOCOLS = (
    "Two protocols: `standard` leaves out of a user's ranking what the user already has; `paper` leaves it in, as the "
    "paper's numbers do. Decide by `standard`. A seed is a split of the data and a training run. SGCL is Supervised "
    "Graph Contrastive Learning (arXiv 2507.13336). Without another word, numbers are `standard` and recall@{k}."
)


def page_of(data_sets: list[DataSet], plan: Plan, published: Published, cold: Sequence[new_items.Measured] = ()) -> str:
    """Return the page as Markdown.

    Args:
        data_sets: The results.
        plan: What is to be run in the end.
        published: Published numbers.
        cold: What was measured of items that training has never seen.
    """
    made_by = (
        f"<!-- Written by `{' '.join(rewrite_command(data_sets))}`: change the results or the rules, not this. -->"
    )
    lines = [
        made_by,
        "# Results",
        "",
        _INTRO,
        "",
        _PROTOCOLS.format(k=data_sets[0].loaded.k),
        "",
        *pictures.section(data_sets),
        *conclusions.section(data_sets, plan, published),
        *(line for data in data_sets for line in measured.section(data, published, short_command(data))),
        *compared.section(data_sets),
        *confirmation.section(data_sets, plan),
        *further.section(data_sets, plan),
        *sizes.section(data_sets, plan),
        *new_items.section(cold),
        *details.section(data_sets),
        *missing.section([*data_sets, *besides(data_sets)]),
        *section(data_sets, plan),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"
