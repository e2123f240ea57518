"""Whatever is sent, to any route of the OpenAPI document: an answer or a problem, and never a failure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from served import Server, quoted, start

ROUTES = [
    ("post", "/recommend"),
    ("get", "/items/{item_id}/similar"),
    ("get", "/items/{item_id}"),
    ("get", "/items"),
    ("get", "/columns"),
    ("get", "/users"),
    ("get", "/users/{user_id}"),
    ("post", "/items"),
    ("delete", "/items/{item_id}"),
    ("post", "/interactions"),
    ("get", "/interactions"),
    ("put", "/exposure"),
    ("get", "/health"),
    ("get", "/metrics"),
    ("post", "/reload"),
]

KNOWN = ("i01", "i02", "i07", "u01", "u02", "n1", "n2", "title", "brand", "Acme", "tents")
ODD = ("", " ", "\ud800", "\0", "1e999", "a/b", "..", "%2e", "日本", "\u202e", "{title}", "'; --", "<b>", "-0", "True")
known = st.sampled_from(KNOWN)
texts = st.one_of(known, known, known, st.sampled_from(ODD), st.text(max_size=8))
numbers = st.integers(-3, 70) | st.integers() | st.floats(allow_nan=True)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def matching(schema: dict[str, Any], schemas: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a JSON schema, and now and then anything else."""
    if "$ref" in schema:
        return matching(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return st.one_of([matching(each, schemas) for each in schema[several]])
    kind = schema.get("type")
    values = {
        "string": texts,
        "integer": st.one_of(st.integers(0, 9), st.integers(0, 9), st.integers(-1, 60), st.integers()),
        "number": st.one_of(st.floats(0, 1), st.floats(0, 1), numbers),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    if kind == "array":
        strategy: st.SearchStrategy[Any] = st.lists(matching(schema.get("items", {}), schemas), max_size=4)
    elif kind == "object":
        strategy = matching_object(schema, schemas)
    else:
        strategy = values.get(str(kind), anything)
    return st.integers(0, 30).flatmap(lambda dice: anything if dice == 30 else strategy)


def matching_object(schema: dict[str, Any], schemas: dict[str, Any]) -> st.SearchStrategy[Any]:
    properties = {name: matching(field, schemas) for name, field in schema.get("properties", {}).items()}
    needed = {name: properties[name] for name in schema.get("required", [])}
    others = [name for name in properties if name not in needed]
    # A few at a time: of all at once, one is always wrong.
    chosen = st.lists(st.sampled_from(others), max_size=4, unique=True) if others else st.just([])
    whole = chosen.flatmap(lambda names: st.fixed_dictionaries(needed | {name: properties[name] for name in names}))
    further = schema.get("additionalProperties", False)
    if not further:
        return whole
    rest = st.dictionaries(texts, matching(further if isinstance(further, dict) else {}, schemas), max_size=3)
    return st.builds(lambda own, more: more | own, whole, rest)


@pytest.fixture(scope="module")
def server(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a state, which these tests fill with whatever they like."""
    folder = tmp_path_factory.mktemp("fuzz")
    running = start(saved, folder / "log", "--state", folder / "state", "--log", "warning")
    yield running
    running.end()


def test_every_route_is_sent_to(server: Server) -> None:
    """The list of routes is that of the OpenAPI document."""
    paths = server.ask("GET", "/openapi.json").json["paths"]
    assert {(method, path) for path, routes in paths.items() for method in routes} == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_is_a_failure(server: Server, method: str, path: str) -> None:
    """Bodies, parameters and ids of the described form, and of any other, get an answer or a problem, never a 5xx."""
    document = server.ask("GET", "/openapi.json").json
    schemas = document.get("components", {}).get("schemas", {})
    route = document["paths"][path][method]
    parameters = {each["name"]: (each["in"], matching(each["schema"], schemas)) for each in route.get("parameters", [])}
    content = route.get("requestBody", {}).get("content", {}).get("application/json")
    body = matching(content["schema"], schemas) if content else st.none()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values=st.fixed_dictionaries({name: strategy for name, (_, strategy) in parameters.items()}), sent=body)
    def ask(values: dict[str, Any], sent: Any) -> None:
        target, query = path, []
        for name, value in values.items():
            text = str(value).encode(errors="replace").decode()
            if parameters[name][0] == "path":
                target = target.replace(f"{{{name}}}", quoted(text) or "x")
            elif value is not None:
                query.append(f"{name}={quoted(text)}")
        reply = server.ask(method.upper(), f"{target}?{'&'.join(query)}", sent)
        assert reply.status < 500, (target, query, sent, reply.body)
        if reply.status >= 400:
            assert reply.json["detail"]

    ask()
    assert not [line for line in server.log() if line["level"] == "error"]
