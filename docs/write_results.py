"""Writes docs/results.md and its pictures from results folders, as `llminit compare` makes them, or from archives.

python docs/archive_results.py results/beauty results/toys --out docs/results
python docs/write_results.py docs/results/beauty docs/results/toys --out docs/results.md
"""

import argparse
from pathlib import Path

from llminit.errors import LLMInitError
from llminit.storage import replacing_file
from results_page import new_items, pictures
from results_page.markdown import PICTURES
from results_page.page import page_of
from results_page.sources import Plan, Published, load_data_sets

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> None:
    """Write the page, and its pictures into the folder `pictures` beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results folders or archives, each named as its data set")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown file to write")
    parser.add_argument("--planned", type=Path, default=HERE / "planned.toml", help="what is to be run in the end")
    parser.add_argument("--published", type=Path, default=HERE / "published.toml", help="published numbers")
    given = parser.parse_args(arguments)
    try:
        page, drawn = contents_of(given.folders, given.planned, given.published)
        files = {f"{PICTURES}/{name}": picture for name, picture in drawn.items()}
        for name, text in {**files, given.out.name: page}.items():
            with replacing_file(given.out.parent / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except LLMInitError as error:
        parser.exit(2, f"{error}\n")


def text_of(
    folders: list[Path], planned: Path = HERE / "planned.toml", published: Path = HERE / "published.toml"
) -> str:
    """Return the page as Markdown; the arguments are those of `contents_of`."""
    return contents_of(folders, planned, published)[0]


def contents_of(
    folders: list[Path], planned: Path = HERE / "planned.toml", published: Path = HERE / "published.toml"
) -> tuple[str, dict[str, str]]:
    """Return the page as Markdown, and its pictures as SVG text by the names of their files.

    Args:
        folders: Results folders or archives.
        planned: What is to be run in the end.
        published: Published numbers.

    Raises:
        LLMInitError: A folder or a file cannot be read, or holds no finished cell.
    """
    plan = Plan.from_toml(planned)
    data_sets = load_data_sets(folders, plan)
    measured = new_items.load(plan, planned.parent)
    page = page_of(data_sets, plan, Published.from_toml(published), measured)
    return page, pictures.drawn(data_sets, plan) | new_items.drawn(measured)


if __name__ == "__main__":
    main()
