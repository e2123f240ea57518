"""From the content of a page to HTML.

Autoescape is on: a string becomes text, between tags and in quoted attributes, unless it is `Markup`. This is the only
file that makes `Markup`, and no template turns the escaping off.
"""

import base64
import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from llminit.checksums import sha256_of
from llminit.report.content import Page
from llminit.report.fit_page import FitPage
from llminit.report.numbers import unbroken


def render(page: Page) -> str:
    """Return the page as one HTML file that loads nothing from elsewhere.

    Raises:
        ValueError: A number in a figure is not finite.
    """
    return templates().get_template("page.html").render(page=page, style=_style(), scripts=_scripts())


def render_fit(page: FitPage) -> str:
    """Return the page of a fit as one HTML file that loads nothing from elsewhere and runs no script."""
    return templates().get_template("fit.html").render(page=page, style=_style()).lstrip()


@cache
def templates() -> Environment:
    """Return the templates; a name that a template does not know is an error and never empty text."""
    environment = Environment(
        loader=PackageLoader("llminit.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(script_json=script_json, digest=digest, unbroken=unbroken)
    return environment


def script_json(value: Any) -> Markup:
    """Return JSON for the inside of a script element: nothing in it can end the element.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    # Safe: without "<" neither a tag nor a comment begins, without "&" no entity does, and JSON's own syntax holds none
    # of the five characters, so all of them stood in strings, where the escape means the same.
    return Markup(text)


def digest(script: str) -> str:
    """Return the SHA-256 digest by which a page's policy allows a script."""
    return f"sha256-{base64.b64encode(bytes.fromhex(sha256_of(script))).decode()}"


@cache
def _scripts() -> tuple[Markup, ...]:
    return inline_script(get_plotlyjs()), inline_script(_asset("page.js"))


def inline_script(script: str) -> Markup:
    """Return a script of plotly or of this package so that it cannot end its script element."""
    # Safe: these files hold no data, and only this ends a script element. Inside a JavaScript string the backslash
    # changes nothing.
    return Markup(script.replace("</script", "<\\/script"))


def _style() -> Markup:
    # Safe: the file is this package's and holds no data.
    return Markup(_asset("style.css"))


def _asset(name: str) -> str:
    return (resources.files("llminit.report") / "page" / name).read_text(encoding="utf-8")
