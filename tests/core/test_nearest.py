import random
import time

import pytest

from bus.nearest import nearest

FIELDS = [
    "warehouse", "supplier", "po_no", "due_date", "lines", "currency", "total_amount", "remark",
    "item_code", "qty", "line_no", "unit", "receipt_no", "status",
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("warehose", "warehouse"),
        ("warehosue", "warehouse"),
        ("wharehouse", "warehouse"),
        ("Warehouse", "warehouse"),
        ("WAREHOUSE", "warehouse"),
        ("ｗａｒｅｈｏｕｓｅ", "warehouse"),
        ("itemCode", "item_code"),
        ("item-code", "item_code"),
        ("itemcode", "item_code"),
        ("pono", "po_no"),
        ("po_on", "po_no"),
        ("qyt", "qty"),
        ("stauts", "status"),
        ("ware", "warehouse"),
        ("total", "total_amount"),
        ("amount", "total_amount"),
        ("qty_total", "qty"),
        ("curency", "currency"),
        ("dueDate", "due_date"),
    ],
)
def test_mistyped_name_gets_the_one_that_was_meant(typed: str, meant: str) -> None:
    assert nearest(typed, FIELDS) == meant


@pytest.mark.parametrize("typed", ["", "x", "zzz", "colour", "a_completely_different_name", "q" * 500])
def test_distant_word_gets_no_suggestion(typed: str) -> None:
    assert nearest(typed, FIELDS) is None


def test_word_itself_is_no_suggestion() -> None:
    assert nearest("qty", ["qty"]) is None
    assert nearest("qty", ["qty", "Qty"]) == "Qty"


def test_swapped_letters_count_as_one_mistake() -> None:
    assert nearest("to", ["ot", "xx"]) == "ot"
    assert nearest("form", ["from", "for_me_only"]) == "from"


def test_names_in_chinese_are_compared_too() -> None:
    assert nearest("仓库编玛", ["仓库编码", "物料编码"]) == "仓库编码"


def test_of_equally_close_ones_the_first_wins() -> None:
    assert nearest("wm1", ["wm2", "wm3"]) == "wm2"


def test_no_candidates_means_no_suggestion() -> None:
    assert nearest("warehouse", []) is None


def test_a_thousand_candidates_take_about_a_millisecond() -> None:
    chance = random.Random(1)
    names = ["_".join(chance.choices(["ware", "order", "line", "item", "code", "qty", "date"], k=3)) for _ in range(1000)]
    best_s = 1.0
    for _ in range(20):
        start = time.perf_counter()
        nearest("ordr_lin_code", names)
        best_s = min(best_s, time.perf_counter() - start)
    assert best_s < 0.02  # measured 1 ms; several times that with branches counted on a busy machine
