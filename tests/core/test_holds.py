"""What waits behind a letter: who may go, who is held, and what happens to `bus.held.<system>` when a place is over."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.holds import OVER, STEP, Arrival, Fate, Holds, Turn, held_back, let_go, mark, over, place_of, spot
from bus.letters import ordered
from bus.ports import Message

KEY, NOW_MS = "PO-1", 1_700_000_000_000


def delivery(id_: str, key: str = KEY, place: int | None = None) -> Message:
    return Message("to.wms", id_, b"{}", ordered(key, place))


def closed(*waiting: str) -> tuple[Holds, list[int]]:
    """A key closed by the letter `a`, with others that came after it; and all their places."""
    holds = Holds()
    places = [holds.place(KEY, "a", None, NOW_MS)]
    holds.laid_down(KEY, "a", places[0])
    for id_ in waiting:
        goes, place = holds.arrived(KEY, id_, None, NOW_MS)
        assert not goes
        assert place is not None
        places.append(place)
    return holds, places


def turn(holds: Holds, *places: int, most: int = 100) -> Turn:
    made = holds.turn({(KEY, place) for place in places}, most)
    assert made is not None
    return made


def left(turn: Turn) -> list[int]:
    return sorted(place for _, place in turn.leaving)


# ------------------------------------------------------------------------------------------ who may go


def test_while_no_letter_waits_everything_goes_and_has_no_place() -> None:
    holds = Holds()
    assert holds.arrived(KEY, "a", None, NOW_MS) == Arrival(goes=True, place=None)
    assert not holds.is_closed(KEY)
    assert holds.turn((), 100) is None


def test_behind_a_letter_its_key_is_held_in_the_order_it_came_and_no_other() -> None:
    holds, places = closed("b", "c", "d")
    assert places == sorted(set(places))
    assert holds.arrived("PO-2", "x", None, NOW_MS).goes


def test_a_letter_that_is_tried_again_goes_and_what_is_behind_it_does_not() -> None:
    holds, (first, second) = closed("b")
    assert holds.arrived(KEY, "a", first, NOW_MS) == Arrival(goes=True, place=first)
    assert holds.arrived(KEY, "b", second, NOW_MS) == Arrival(goes=False, place=second)


def test_a_later_letter_that_is_tried_again_waits_in_its_place_behind_the_earlier() -> None:
    holds, (_, second, *_) = closed("b", "c", "d")
    holds.laid_down(KEY, "c", second)
    assert holds.arrived(KEY, "c", second, NOW_MS) == Arrival(goes=False, place=second)


def test_what_comes_again_though_it_was_settled_is_not_taken_for_something_new() -> None:
    holds, (first, second) = closed("b")
    assert holds.arrived(KEY, "a", None, NOW_MS) == Arrival(goes=True, place=first)
    assert holds.arrived(KEY, "b", None, NOW_MS) == Arrival(goes=False, place=second)


def test_a_place_is_never_given_twice_even_by_a_clock_that_goes_back() -> None:
    holds, places = closed("b")
    assert holds.place(KEY, "c", None, NOW_MS - 5000) == places[-1] + STEP
    assert holds.place(KEY, "c", None, NOW_MS + 5000) == (NOW_MS + 5000) * STEP


# -------------------------------------------------------------------------------------- a place is over


def test_when_a_letter_is_settled_all_up_to_the_next_letter_leave_and_the_last_keeps_the_key_closed() -> None:
    holds, (a, b, c, d, e) = closed("b", "c", "d", "e")
    holds.laid_down(KEY, "d", d)
    let = turn(holds, a)
    assert (left(let), set(let.last)) == ([b, c], {(KEY, c)})
    assert not holds.is_out(KEY, b)
    assert holds.is_out(KEY, c)
    assert holds.arrived(KEY, "b", b, NOW_MS).goes
    assert not holds.arrived(KEY, "f", None, NOW_MS).goes
    assert left(turn(holds, c)) == []
    assert holds.is_closed(KEY)
    assert left(turn(holds, d))[0] == e


def test_when_nothing_waits_any_more_the_key_is_open() -> None:
    holds, (a,) = closed()
    assert left(turn(holds, a)) == []
    assert not holds.is_closed(KEY)
    assert not holds.is_out(KEY, a)


def test_a_later_letter_that_is_dropped_lets_nobody_pass_the_earlier() -> None:
    holds, (_, b, _) = closed("b", "c")
    holds.laid_down(KEY, "b", b)
    assert left(turn(holds, b)) == []


def test_a_place_that_is_over_twice_lets_nothing_go_twice() -> None:
    holds, (a, b, c) = closed("b", "c")
    assert left(turn(holds, a)) == [b, c]
    holds.arrived(KEY, "d", None, NOW_MS)
    assert left(turn(holds, a)) == []


def test_no_more_leave_at_once_than_fit_and_the_rest_follows() -> None:
    holds, (a, b, c, d) = closed("b", "c", "d")
    other = holds.place("PO-2", "x", None, NOW_MS)
    holds.laid_down("PO-2", "x", other)
    holds.arrived("PO-2", "y", None, NOW_MS)
    let = holds.turn({(KEY, a), ("PO-2", other)}, 2)
    assert let is not None
    assert left(let) == [b, c]
    rest = holds.turn((), 2)
    assert rest is not None
    assert {key for key, _ in rest.leaving} == {"PO-2"}
    assert left(turn(holds, c)) == [d]


def test_a_try_that_fails_again_holds_back_those_that_left_with_it() -> None:
    holds, (a, b, c) = closed("b", "c")
    turn(holds, a)
    holds.laid_down(KEY, "b", b)
    assert holds.arrived(KEY, "c", c, NOW_MS) == Arrival(goes=False, place=c)
    assert left(turn(holds, b)) == [c]


# -------------------------------------------------------------------------------------- taken over


def test_whoever_reads_the_queue_knows_what_its_former_reader_knew() -> None:
    former, (a, b, c) = closed("b", "c")
    former.forget()
    assert not former.is_closed(KEY)
    read = Holds()
    for message in (mark("wms", KEY, a, "a"), delivery("c", place=c), delivery("b", place=b)):
        read.learn(message)
    assert left(turn(read, a)) == [b, c]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_held_counts_for_more_than_the_mark_of_the_letter_it_was(order: Iterable[int]) -> None:
    holds, (a,) = closed()
    b = a + STEP
    both = mark("wms", KEY, b, "b"), delivery("b", place=b)
    for n in order:
        holds.learn(both[n])
    assert not holds.is_out(KEY, b)
    assert left(turn(holds, a)) == [b]


def test_what_is_held_behind_no_letter_leaves_at_once() -> None:
    holds = Holds()
    holds.learn(delivery("b", place=7))
    assert left(turn(holds)) == [7]


def test_the_same_delivery_in_two_places_is_recognised_in_the_one_that_is_left() -> None:
    holds = Holds()
    for place in (7, 9):
        holds.learn(delivery("b", place=place))
    holds.learn(mark("wms", KEY, 5, "a"))
    holds.learn(mark("wms", KEY, 6, "x"))
    turn(holds, 5)
    assert left(turn(holds, 6)) == [7, 9]
    assert holds.place(KEY, "b", None, NOW_MS) == 9


# ------------------------------------------------------------------------------------ through the queue


def test_the_queue_is_gone_through_and_each_message_has_one_fate() -> None:
    a, b, c, d = mark("wms", KEY, 1, "a"), delivery("b", place=2), delivery("c", place=3), delivery("d", place=4)
    let = Turn(frozenset({(KEY, 2), (KEY, 3)}), frozenset({(KEY, 3)}), frozenset({(KEY, 1)}))
    old = mark("wms", KEY, 2, "b")
    assert [let.fate(message) for message in (a, b, old, c, mark("wms", KEY, 3, "c"), d, d)] == [
        Fate.IS_FORGOTTEN, Fate.LEAVES, Fate.IS_FORGOTTEN, Fate.LEAVES, Fate.STAYS, Fate.STAYS, Fate.IS_FORGOTTEN,
    ]
    let.begin()
    let.gone.update(let.leaving)
    assert [let.fate(message) for message in (b, c, d)] == [Fate.IS_FORGOTTEN, Fate.IS_FORGOTTEN, Fate.STAYS]


def test_two_deliveries_in_one_place_are_no_repetition() -> None:
    let = Turn()
    assert [let.fate(delivery(id_, place=2)) for id_ in "bcb"] == [Fate.STAYS, Fate.STAYS, Fate.IS_FORGOTTEN]


def test_a_delivery_keeps_what_it_is_on_its_way_there_and_back() -> None:
    sent = delivery("b")
    there = held_back(sent, "wms", 7)
    assert (there.to, spot(there), there.body) == ("bus.held.wms", (KEY, 7), sent.body)
    marked, back = let_go(there, "wms", leaves_mark=True)
    assert (marked, back.to, back.headers) == (mark("wms", KEY, 7, "b"), "to.wms", there.headers)
    assert let_go(there, "wms", leaves_mark=False) == (back,)


def test_notes_about_two_places_have_two_ids() -> None:
    notes = [over("wms", KEY, 7), over("wms", KEY, 8), over("wms", "单" * 300, 7)]
    assert {note.to for note in notes} == {"to.wms"}
    assert len({note.id for note in notes}) == 3
    assert all(OVER in note.headers and len(note.id.encode()) <= 255 for note in notes)


def test_a_place_that_is_no_number_is_none() -> None:
    assert place_of({"bus-place": "7"}) is None
    assert spot(Message("to.wms", "x", b"")) == ("", 0)


# ------------------------------------------------------------------------------------------ any schedule

STEPS = st.lists(st.tuples(st.sampled_from(["come", "fail", "done", "forget", "replay"]), st.integers(0, 9)), max_size=60)


@settings(max_examples=400)
@given(STEPS)
def test_no_schedule_lets_one_overtake_another_of_its_key_or_loses_one(steps: list[tuple[str, int]]) -> None:
    """One key, one worker that has one delivery out; the queues are lists."""
    holds, came, done = Holds(), 0, list[str]()
    to: list[Message] = []
    kept: list[Message] = []
    dead: list[Message] = []

    def go_through(let: Turn) -> None:
        fates = [(message, let.fate(message)) for message in kept]
        kept[:] = [message for message, fate in fates if fate is Fate.STAYS]
        for message in sorted((message for message, fate in fates if fate is Fate.LEAVES), key=spot):
            *marks, going = let_go(message, "wms", leaves_mark=spot(message) in let.last)
            kept.extend(marks)
            to.append(going)

    def take(*, fails: bool) -> None:
        message = to.pop(0)
        key, place = str(message.headers["bus-order"]), place_of(message.headers)
        if OVER in message.headers:
            if (let := holds.turn({(key, place or 0)}, 3)) is not None:
                go_through(let)
            return
        goes, place = holds.arrived(key, message.id, place, came)
        if not goes and place is not None:
            kept.append(held_back(message, "wms", place))
        elif fails:
            place = holds.place(key, message.id, place, came)
            dead.append(delivery(message.id, key, place))
            kept.append(mark("wms", key, place, message.id))
            holds.laid_down(key, message.id, place)
        else:
            done.append(message.id)
            if holds.is_out(key, place):
                to.append(over("wms", key, place or 0))

    def forget() -> None:
        holds.forget()
        for message in kept:
            holds.learn(message)

    for word, number in steps:
        if word == "come":
            to.append(delivery(f"{came:03}"))
            came += 1
        elif word in ("fail", "done") and to:
            take(fails=word == "fail")
        elif word == "replay" and dead:
            to.append(dead.pop(number % len(dead)))
        elif word == "forget":
            forget()
    for _ in range(200):
        to.extend(dead)
        dead.clear()
        while to:
            take(fails=False)
        if (let := holds.turn((), 3)) is not None:
            go_through(let)
    assert done == sorted(done)
    assert len(done) == came
    assert not kept
