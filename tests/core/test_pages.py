"""Pages: whoever reads the pages and then what comes after the last of them has read everything."""

import random

from bus.pages import PAGE_BYTES, Line, Page, Place, Tail, read_page


def line(offset: int, size: int = 18, id_: str = "router") -> Line:
    return Line(offset, id_, offset.to_bytes(2, "big") * (size // 2))


def test_a_page_is_read_as_it_was_written() -> None:
    page = Page(line(7).place, b"records")
    assert read_page(page.body()) == page
    assert read_page(b"short") is None


def test_a_place_is_known_by_its_offset_and_by_who_wrote_what_there() -> None:
    assert line(1).place == line(1).place
    others = (line(2), line(1, id_="another"), Line(1, "router", b""))
    assert all(other.place != line(1).place for other in others)


def test_a_page_has_everything_up_to_its_place_in_the_order_of_the_stream() -> None:
    tail = Tail()
    for offset in (3, 4, 9):
        tail.add(line(offset))
    assert tail.page() == Page(line(9).place, line(3).body + line(4).body + line(9).body)


def test_a_tail_that_is_long_fills_several_pages() -> None:
    tail, written = Tail(), b""
    for offset in range(10):
        tail.add(line(offset, PAGE_BYTES // 3))
    pages = []
    while tail.size_bytes:
        pages.append(tail.page())
        written += pages[-1].records
        tail.covered(pages[-1].upto)
    assert [page.upto.offset for page in pages] == [2, 5, 8, 9]
    assert written == b"".join(line(offset, PAGE_BYTES // 3).body for offset in range(10))


def test_a_page_that_ends_elsewhere_covers_nothing() -> None:
    tail = Tail()
    tail.add(line(3))
    tail.covered(line(2).place)
    tail.covered(Place(3, b"anothers"))
    assert tail.page().records == line(3).body


def test_a_stream_that_was_made_anew_in_between_is_covered_up_to_the_place_that_was_meant() -> None:
    tail = Tail()
    for one in (line(3), line(4), line(3, id_="anew"), line(4, id_="anew")):
        tail.add(one)
    tail.covered(line(3, id_="anew").place)
    assert tail.page() == Page(line(4, id_="anew").place, line(4).body)


def test_however_routers_write_pages_those_and_the_rest_of_the_stream_are_everything() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        stream = [line(offset) for offset in range(chance.randint(1, 60))]
        pages: list[Page] = []
        routers = [(Tail(), [0, 0]) for _ in range(3)]  # how far each has read the stream, and the pages
        while not all(read[0] == len(stream) for _, read in routers):
            tail, read = chance.choice(routers)
            if chance.random() < 0.7 and read[0] < len(stream):
                tail.add(stream[read[0]])
                read[0] += 1
            elif read[1] < len(pages):
                tail.covered(pages[read[1]].upto)
                read[1] += 1
            elif tail.size_bytes > 100:
                pages.append(tail.page())
        known = {page.records[at : at + 18] for page in pages for at in range(0, len(page.records), 18)}
        behind = pages[-1].upto.offset if pages else -1
        assert known | {one.body for one in stream[behind + 1 :]} == {one.body for one in stream}
