import pytest

from bus.config.environment import Filled, fill
from bus.config.yaml import ListNode, MapNode, Node, ScalarNode, kind, read
from bus.places import Place
from bus.texts import choose_language


def filled(text: str, **environment: str) -> Filled:
    node, findings = read(text, "routing.yaml")
    assert not findings
    assert node is not None
    return fill(node, environment)


def value(node: Node, key: str) -> ScalarNode:
    assert isinstance(node, MapNode)
    found = node.get(key)
    assert isinstance(found, ScalarNode)
    return found


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("${URL}", "https://h"),
        ("'${URL}/in?x=${TOKEN}'", "https://h/in?x=s3cret"),
        ("${NONE:-plain}", "plain"),
        ("${NONE:-}", ""),
        ("${EMPTY}", ""),
        ("${EMPTY:-plain}", "plain"),
        ("${URL:-plain}", "https://h"),
        ("$URL $5 {x}", "$URL $5 {x}"),
        ("${NONE:-http://x:1/y?a=b-c}", "http://x:1/y?a=b-c"),
    ],
)
def test_variables_are_filled_as_in_a_shell(typed: str, text: str) -> None:
    made = filled(f"a: {typed}", URL="https://h", TOKEN="s3cret", EMPTY="")
    assert value(made.node, "a").text == text
    assert not made.findings


def test_what_came_from_the_environment_is_remembered_and_what_was_typed_is_not() -> None:
    made = filled("a: x${TOKEN}\nb: ${NONE:-typed}\nc: ${EMPTY}\nd: plain", TOKEN="s3cret", EMPTY="", OTHER="unused")
    assert made.secrets == {"s3cret"}
    assert made.filled == {id(value(made.node, "a"))}


def test_a_missing_variable_is_told_at_its_place_with_the_nearest_name() -> None:
    made = filled('w:\n  url: "x ${WMS_ULR}"\n  key: ${NOTHING}', WMS_URL="u")
    assert [(f.code, f.place) for f in made.findings] == [
        ("environment-missing", Place("routing.yaml", 2, 11, 10)),
        ("environment-missing", Place("routing.yaml", 3, 8, 10)),
    ]
    assert made.findings[0].hint == "did you mean WMS_URL? Otherwise set WMS_ULR, or give a default: ${WMS_ULR:-…}"
    assert made.findings[1].hint == "set NOTHING, or give a default: ${NOTHING:-…}"
    assert "NOTHING" in made.findings[1].message
    assert not made.secrets


@pytest.mark.parametrize("typed", ["${}", "${1A}", "${A-b}", "${A:b}", "${A：-b}", "${A", "${A:-${B}}", "${A.B}", "${ A }"])
def test_what_is_no_variable_is_told_without_its_text(typed: str) -> None:
    made = filled(f"a: 'x {typed}'", A="1", B="2")
    assert [(f.code, f.place.line, f.place.column) for f in made.findings] == [("environment-form", 1, 7)]
    for language in ("en", "zh"):
        choose_language(language)
        assert "${NAME" in made.findings[0].hint
        assert typed not in made.findings[0].message


def test_keys_and_what_was_filled_in_are_not_searched() -> None:
    made = filled("${A}: [x, {b: '${A}'}]", A="${B}", B="no")
    assert isinstance(made.node, MapNode)
    key, items = made.node.items[0]
    assert key.text == "${A}"
    assert isinstance(items, ListNode)
    assert value(items.items[1], "b").text == "${B}"


def test_a_filled_value_means_what_it_would_mean_typed_and_stands_where_its_variable_was() -> None:
    made = filled("a: ${PORT}\nb: '${PORT}'", PORT="8080")
    assert kind(value(made.node, "a")) == "int"
    assert kind(value(made.node, "b")) == "text"
    assert value(made.node, "a").place_of(3) == Place("routing.yaml", 1, 4, 7)
