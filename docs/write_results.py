"""Writes docs/results.md from results folders, as `llminit compare` makes them, or from archives of them.

python docs/archive_results.py results/beauty results/toys --out docs/results
python docs/write_results.py docs/results/beauty docs/results/toys --out docs/results.md
"""

import argparse
from pathlib import Path

from llminit.errors import LLMInitError
from llminit.storage import replacing_file
from results_page.page import page_of
from results_page.sources import Plan, Published, load_data_sets

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results folders or archives, each named as its data set")
    parser.add_argument("--out", type=Path, required=True, help="the Markdown file to write")
    parser.add_argument("--planned", type=Path, default=HERE / "planned.toml", help="what is to be run in the end")
    parser.add_argument("--published", type=Path, default=HERE / "published.toml", help="published numbers")
    given = parser.parse_args(arguments)
    try:
        page = text_of(given.folders, given.planned, given.published)
        with replacing_file(given.out) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except LLMInitError as error:
        parser.exit(2, f"{error}\n")


def text_of(
    folders: list[Path], planned: Path = HERE / "planned.toml", published: Path = HERE / "published.toml"
) -> str:
    """Return the page as Markdown.

    Args:
        folders: Results folders or archives.
        planned: What is to be run in the end.
        published: Published numbers.

    Raises:
        LLMInitError: A folder or a file cannot be read, or holds no finished cell.
    """
    plan = Plan.from_toml(planned)
    return page_of(load_data_sets(folders, plan), plan, Published.from_toml(published))


if __name__ == "__main__":
    main()
