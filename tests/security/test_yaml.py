"""YAML: routing.yaml is data. No object, no alias, no second meaning, no size without bounds."""

import time

import pytest

from bus.config.yaml import MAX_CHARACTERS

from tests.configuring import loaded

LIMIT_S = 2.0
LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
HOSTILE = {
    "an alias bomb": LAUGHS,
    "an alias of itself": "systems: &s {erp: *s}\n",
    "a merge key": "base: &b {adapter: queue}\nsystems: {erp: {source: {<<: *b}}}\n",
    "a Python object": "systems: !!python/object/apply:os.system ['touch canary']\n",
    "a Python name": "systems: {erp: {source: {adapter: !!python/name:os.system }}}\n",
    "a tag of its own": "systems: !canary {}\n",
    "the same key twice": "systems: {erp: {source: {adapter: queue}}, erp: {sink: {adapter: queue}}}\n",
    "an unknown key": "systems: {erp: {source: {adapter: queue, pasword: x}}}\n",
    "an unknown top key": "system: {}\n",
    "a hundred thousand levels": "a: " + "[" * 100_000,
    "more than its bounds": "# " + "x" * (MAX_CHARACTERS + 1),
    "another document behind it": "version: 1\n---\nsystems: {}\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_an_error_and_nothing_else_happens(what: str) -> None:
    began = time.process_time()
    config = loaded(HOSTILE[what])
    assert time.process_time() - began < LIMIT_S
    assert config.errors


def test_plain_words_keep_their_meaning() -> None:
    config = loaded("""
        version: 1
        systems: {erp: {source: {adapter: queue}}, no: {sink: {adapter: queue}}}
        routes:
          on: {on: purchase_order.released, to: no, json: {code: "'0012'", yes: "'off'"}}
    """)
    assert config.errors == ()
    assert [route.to for route in config.routes] == [("no",)]
