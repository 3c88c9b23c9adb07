import time

import pytest

from bus.lookups import Table, read_table
from bus.places import Finding
from bus.texts import choose_language

ITEMS = "bus,erp,wms\r\nA1,0012,X\r\nA2,0013,X\r\nA3,,Y\r\n"


def table(text: str, *key: str) -> Table:
    made, findings = read_table("item", text.encode(), "lookups/item.csv", key=key)
    assert [finding.message for finding in findings] == []
    return made


def told(findings: list[Finding]) -> list[tuple[int, str, str]]:
    return [(f.place.line, f.code, f.message) for f in findings]


# ------------------------------------------------------------------------------------------ directions


def test_a_code_is_found_in_both_directions() -> None:
    made = table(ITEMS)
    assert made.to("erp") == {"A1": "0012", "A2": "0013"}
    assert made.back("erp") == {"0012": "A1", "0013": "A2"}
    assert made.columns == ("bus", "erp", "wms")


def test_any_column_can_be_read_by_any_other() -> None:
    made = table("bus,erp,name\nA1,12,bolt\nA2,13,\n")
    assert made.column("erp", "name") == {"12": "bolt"}
    assert made.column("bus", "bus") == {"A1": "A1", "A2": "A2"}


def test_an_empty_cell_is_a_missing_code_in_either_column() -> None:
    made = table("bus,erp\nA1,\n,12\n , 13 \nA2,14")
    assert made.to("erp") == {"A2": "14"}
    assert made.back("erp") == {"14": "A2"}


def test_a_column_that_is_not_there_has_no_codes() -> None:
    assert table(ITEMS).to("scm") == {}
    assert table(ITEMS).back("scm") == {}
    assert table(ITEMS).duplicates("scm") == []


def test_a_table_with_a_key_is_read_by_its_key_in_every_direction() -> None:
    made = table("item,uom,bus,wms\nA1,BOX,12,10\nA1,EA,1,1\nA2,BOX,12,\nA2,,7,7\n", "item", "uom")
    assert made.to("wms") == {("A1", "BOX"): "10", ("A1", "EA"): "1"}
    assert made.back("wms") == {("A1", "BOX"): "12", ("A1", "EA"): "1", ("A2", "BOX"): "12"}
    assert made.duplicates("wms") == []


def test_a_key_of_one_column_answers_to_the_bare_code_too() -> None:
    made = table("item,weight\nA1,2.5\n", "item")
    assert made.to("weight") == {("A1",): "2.5", "A1": "2.5"}


def test_a_table_with_a_key_needs_no_column_bus() -> None:
    assert table("item,uom,wms\nA1,BOX,10\n", "item", "uom").back("wms") == {}


def test_the_maps_are_made_once() -> None:
    made = table(ITEMS)
    assert made.to("erp") is made.to("erp")


# ------------------------------------------------------------------------------------------ duplicates


def test_a_code_twice_in_bus_names_both_lines() -> None:
    made, findings = read_table("item", b"bus,erp\nA1,1\n\nA2,2\nA1,3\n", "item.csv")
    assert told(findings) == [(5, "lookup-duplicate", "A1 stands twice in column bus of lookup item; first in line 2")]
    assert made.to("erp")["A1"] == "1"


def test_a_code_twice_in_another_column_is_told_when_asked() -> None:
    made = table(ITEMS)
    assert told(made.duplicates("wms")) == [
        (3, "lookup-duplicate", "X stands twice in column wms of lookup item; first in line 2")
    ]
    assert made.duplicates("erp") == []
    assert made.back("wms")["X"] == "A1"


def test_a_key_twice_names_both_lines() -> None:
    made, findings = read_table("uom", b"item,uom,bus\nA,B,1\nA,C,1\nA,B,2\n", "uom.csv", key=("item", "uom"))
    assert told(findings) == [(4, "lookup-duplicate", "A / B stands twice in column item, uom of lookup uom; first in line 2")]
    assert made.to("bus")[("A", "B")] == "1"


def test_of_very_many_duplicates_the_first_are_told_and_the_rest_counted() -> None:
    made = table("bus,erp\n" + "".join(f"A{n},same\n" for n in range(100)))
    findings = made.duplicates("erp")
    assert len(findings) == 21
    assert told(findings)[-1] == (23, "lookup-more", "79 more of this kind from here on")


# ------------------------------------------------------------------------------------------ files as Excel saves them


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("\ufeffbus,erp\r\n仓库一,0012\r\n".encode(), "utf-8"),
        ("bus,erp\r\n仓库一,0012\r\n".encode("gbk"), "gbk"),
        ("bus,erp\r\n仓库一,0012\r\n".encode("gb18030"), "gb2312"),
        ("bus;erp\n仓库一;0012\n".encode(), "utf-8"),
        ("bus\terp\n仓库一\t0012\n".encode("utf-16"), "utf-16"),
        ("sep=;\r\nbus;erp\r\n仓库一;0012\r\n".encode(), "utf-8"),
        ('"bus","erp"\r\n"仓库一","0012"\r\n'.encode(), "utf-8"),
        ("\r\n\r\nbus,erp\r\n\r\n仓库一,0012\r\n\r\n".encode(), "utf-8"),
        ("bus,erp,,\r\n仓库一,0012,,\r\n,,,\r\n".encode(), "utf-8"),
        ("bus,,erp\n仓库一,,0012\n".encode(), "utf-8"),
        (" bus , erp \n\u3000仓库一 ,\t0012 \n".encode(), "utf-8"),
        ("bus,erp\r仓库一,0012\r".encode(), "utf-8"),
        ("bus,erp,wms\n仓库一,0012\n".encode(), "utf-8"),
        ("bus,erp\n仓库一,0012".encode(), "utf-8"),
    ],
)
def test_files_saved_by_excel_read_as_they_are(body: bytes, encoding: str) -> None:
    made, findings = read_table("warehouse", body, "w.csv", encoding)
    assert told(findings) == []
    assert made.to("erp") == {"仓库一": "0012"}


def test_quoted_cells_keep_delimiters_quotes_and_line_breaks_and_lines_count_on() -> None:
    made, findings = read_table("item", b'bus,erp\nA1,"x, ""y""\nz"\nA2,2\nA2,3\n', "item.csv")
    assert made.to("erp")["A1"] == 'x, "y"\nz'
    assert [(f.place.line, f.fields["line"]) for f in findings] == [(5, 4)]


def test_lines_are_counted_from_the_top_below_excels_own_first_line() -> None:
    _, findings = read_table("item", b"sep=;\r\nbus;erp\r\nA;1\r\nA;2\r\n", "item.csv")
    assert [(f.place.line, f.fields["line"]) for f in findings] == [(4, 3)]


# ------------------------------------------------------------------------------------------ what cannot be read

FAULTS: list[tuple[bytes, str, tuple[str, ...], list[tuple[int, str, str]]]] = [
    (b"", "utf-8", (), [(1, "lookup-empty", "the file of lookup item is empty")]),
    (b"\r\n\r\n", "utf-8", (), [(1, "lookup-empty", "the file of lookup item is empty")]),
    (b"erp,wms\n1,2\n", "utf-8", (), [(1, "lookup-column-missing", "no column bus; there are: erp, wms")]),
    (b"\nBUS,wms\n1,2\n", "utf-8", (), [(2, "lookup-column-missing", "no column bus; there are: BUS, wms")]),
    (b"item,bus\n1,2\n", "utf-8", ("item", "uom"), [(1, "lookup-column-missing", "no column uom; there are: item, bus")]),
    (b"bus,erp\nA,1\n\xb2\xd6,2\n", "utf-8", (), [(3, "lookup-encoding", "not utf-8: the byte at offset 12 does not fit")]),
    (b"bus,erp\nA,1\n", "gbkk", (), [(1, "charset-unknown", "unknown encoding 'gbkk'; try gbk")]),
    ("\ufeffbus,erp\n".encode(), "gb18030", (), [(1, "encoding-contradiction", "the document is declared as gb18030, but its first bytes are UTF-8")]),
    (b"bus,erp,erp\nA,1,2\n", "utf-8", (), [(1, "lookup-column-unclear", "column erp has no name, or the name of another")]),
    (b"bus,,erp\nA,1,2\n", "utf-8", (), [(1, "lookup-column-unclear", "column 2 has no name, or the name of another")]),
    (b"bus,erp\nA,1\nB,2,3\n", "utf-8", (), [(3, "lookup-cells", "3 cells in a row under 2 column names")]),
    (b'bus,erp\nA,1\nB,"2\nC,3\n', "utf-8", (), [(3, "lookup-quote", "a double quote here does not end where its cell ends")]),
    (b'bus,erp\nA,"1"x\nB,2\n', "utf-8", (), [(2, "lookup-quote", "a double quote here does not end where its cell ends")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "encoding", "key", "expected"), FAULTS)
def test_a_fault_of_the_file_is_told_with_its_line(
    body: bytes, encoding: str, key: tuple[str, ...], expected: list[tuple[int, str, str]]
) -> None:
    made, findings = read_table("item", body, "item.csv", encoding, key)
    assert told(findings) == expected
    assert made.name == "item"


def test_remedies_name_the_nearest_column_and_are_in_both_languages() -> None:
    found = [f for body, encoding, key, _ in FAULTS for f in read_table("item", body, "f.csv", encoding, key)[1]]
    assert "rename column BUS to bus" in [f.hint for f in found]
    for language in ("en", "zh"):
        choose_language(language)
        assert all(f.message and (f.hint or f.code == "charset-unknown") for f in found)


def test_a_row_that_does_not_fit_leaves_the_others() -> None:
    made, _ = read_table("item", b"bus,erp\nA,1\nB,2,3\nC,4\n", "item.csv")
    assert made.to("erp") == {"A": "1", "B": "2", "C": "4"}


def test_a_hundred_thousand_rows_are_read_in_half_a_second() -> None:
    rows = "".join(f"B{n:06},E{n},00{n},some item {n}\r\n" for n in range(100_000))
    body = ("bus,erp,wms,name\r\n" + rows).encode()
    best_s = 9.0
    for _ in range(2):
        start = time.process_time()
        made, findings = read_table("item", body, "item.csv")
        best_s = min(best_s, time.process_time() - start)
    assert not findings
    assert made.to("wms")["B000012"] == "0012"
    assert best_s < 1.0  # measured 0.2 s; the rest is for slower machines and a tracer
