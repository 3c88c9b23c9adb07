"""Scalars keep the text and the place they were typed with."""

import pytest

from bus.config.yaml import ListNode, MapNode, Node, ScalarNode, kind, read
from bus.places import Place


def scalar(node: Node | None, *path: str) -> ScalarNode:
    for step in path:
        assert isinstance(node, MapNode)
        node = node.get(step)
    assert isinstance(node, ScalarNode)
    return node


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "null"), ("~", "null"), ("null", "null"), ("Null", "null"), ("NULL", "null"), ("nUll", "text"),
        ("true", "bool"), ("True", "bool"), ("TRUE", "bool"), ("false", "bool"), ("False", "bool"), ("FALSE", "bool"),
        ("on", "text"), ("off", "text"), ("yes", "text"), ("NO", "text"), ("y", "text"),
        ("0", "int"), ("30", "int"), ("-1", "int"), ("0012", "text"), ("+5", "text"), ("0x1F", "text"), ("1_000", "text"),
        ("12.50", "float"), ("-0.5", "float"), ("1e3", "text"), (".5", "text"), ("5.", "text"), (".inf", "text"),
        ("12:30", "text"), ("2026-01-01", "text"), ("1２", "text"), ('"12"', "text"), ("'true'", "text"), ('""', "text"),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_it_looks_like_and_keeps_its_text(typed: str, expected: str) -> None:
    node = scalar(read(f"a: {typed}\n", "f")[0], "a")
    assert kind(node) == expected
    assert node.text == typed.strip("'\"")


@pytest.mark.parametrize(
    ("text", "path", "part", "place"),
    [
        ("a: data.x == y", ("a",), "y", (1, 14, 1)),
        ("a: 'data.x == y'", ("a",), "data.x", (1, 5, 6)),
        ("a: 'x == ''b'' + c'", ("a",), "'b'", (1, 10, 5)),
        ("a: 'x == ''b'' + c'", ("a",), "c", (1, 18, 1)),
        (r'a: "x == \"b\" + c"', ("a",), '"b"', (1, 10, 5)),
        (r'a: "\u4e2d\x41\t + c"', ("a",), "c", (1, 20, 1)),
        ("a: {b: 'x', c: y + z}", ("a", "c"), "z", (1, 20, 1)),
        ("a: '仓库' + data.x", ("a",), "data", (1, 11, 4)),
        ("a: data.x\n  and data.y\n\n  or z", ("a",), "and data.y", (2, 3, 10)),
        ("a: data.x\n  and data.y\n\n  or z", ("a",), "z", (4, 6, 1)),
        ("a: data.x\n  and data.y", ("a",), "x and", (1, 9, 1)),
        ("a: data.x\n  and data.y", ("a",), " and", (1, 10, 1)),
        ("a: 'data.x\n  and ''y'''", ("a",), "'y'", (2, 7, 5)),
        ('a: "data.x \\\n  and \\"y\\" "', ("a",), '"y"', (2, 7, 5)),
        ("a: |\n  data.x\n    + y\nb: 1", ("a",), "+ y", (3, 5, 3)),
        ("a: >-\n\n  data.x\n  + y", ("a",), "+ y", (4, 3, 3)),
        # mended: the places are those of what was typed
        ('a: "x" + data.y', ("a",), "data.y", (1, 10, 6)),
        ("a: 'x' + 'y' + z", ("a",), "z", (1, 16, 1)),
        ("a: 'x' + 'y' + z", ("a",), "'y'", (1, 10, 3)),
        ("a: {b: f('x', y), c: f(1, z)}", ("a", "c"), "z", (1, 27, 1)),
        ("a:\n    b: 1\n   c: x + y\n", ("a", "c"), "y", (3, 11, 1)),
        ("a:\n\tb: x + y\n", ("a", "b"), "y", (2, 9, 1)),
        ("a：x + y", ("a",), "y", (1, 7, 1)),
        ('a: "x" + y\n  + z', ("a",), "z", (2, 5, 1)),
    ],
)  # fmt: skip
def test_a_part_of_a_text_is_found_where_it_was_typed(text: str, path: tuple[str, ...], part: str, place: tuple[int, int, int]) -> None:
    node = scalar(read(text, "f")[0], *path)
    at = node.place_of(node.text.index(part), len(part))
    assert (at.line, at.column, at.width) == place


def test_the_end_of_a_text_and_an_empty_one_have_places() -> None:
    node = read("a: 'x'\nb: ''\nc:\nd: \"x\n  y\"\n", "f")[0]
    assert scalar(node, "a").place_of(1) == Place("f", 1, 6)
    assert scalar(node, "b").content == Place("f", 2, 5)
    assert scalar(node, "c").place == Place("f", 3, 3)
    assert scalar(node, "d").place_of(3) == Place("f", 5, 4)
    assert scalar(node, "d").place == Place("f", 4, 4, 2)
    assert ScalarNode("x", Place("env")).place_of(5) == Place("env")


def test_a_scalar_says_where_its_content_begins_within_the_quotes() -> None:
    node = read("a: 'x + y'\nb: \"x\"\nc: x\n", "f")[0]
    assert [scalar(node, key).place.column for key in "abc"] == [4, 4, 4]
    assert [scalar(node, key).content for key in "abc"] == [Place("f", 1, 5, 5), Place("f", 2, 5, 1), Place("f", 3, 4, 1)]
    assert [scalar(node, key).style for key in "abc"] == ["single", "double", "plain"]


def test_collections_know_their_place_and_how_they_were_typed() -> None:
    node = read("a: [x, y]\nb: {c: d}  # e\nf:\n  - g\nh: [i,\n  j]\nk:\n  l: m", "f")[0]
    assert isinstance(node, MapNode)
    assert node.place == Place("f", 1, 1)
    collections = [value for _, value in node.items if isinstance(value, MapNode | ListNode)]
    assert [(collection.typed, collection.place) for collection in collections] == [
        ("[x, y]", Place("f", 1, 4, 6)),
        ("{c: d}", Place("f", 2, 4, 6)),
        ("", Place("f", 4, 3)),
        ("[i,", Place("f", 5, 4, 3)),
        ("", Place("f", 8, 3)),
    ]
    assert node.get("z") is None
