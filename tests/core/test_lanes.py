"""Lanes: which delivery may go next, over random schedules."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.lanes import Lanes

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["", "a", "b", "c"])),
        st.tuples(st.just("take"), st.integers(0, 4)),
        st.tuples(st.sampled_from(["settle", "again", "due"]), st.integers(0, 9)),
    ),
    max_size=80,
)


@settings(max_examples=400)
@given(STEPS)
def test_no_schedule_hands_out_two_of_a_key_loses_one_or_breaks_its_order(steps: list[tuple[str, int | str]]) -> None:
    lanes: Lanes[tuple[str, int]] = Lanes()
    out: list[tuple[str, int]] = []
    waiting: list[tuple[str, int]] = []  # for their retry
    done: dict[str, list[int]] = defaultdict(list)
    added = 0

    def take(most: int) -> None:
        taken = lanes.take(most)
        assert len(taken) <= most
        out.extend(taken)
        keys = [key for key, _ in (*out, *waiting) if key]
        assert len(keys) == len(set(keys)), "two of one key at once"

    def settle(which: int) -> None:
        key, number = out.pop(which % len(out))
        done[key].append(number)
        lanes.settled(key)

    for word, argument in steps:
        if word == "add":
            lanes.add((str(argument), added), str(argument))
            added += 1
        elif word == "take":
            take(int(argument))
        elif word == "settle" and out:
            settle(int(argument))
        elif word == "again" and out:
            waiting.append(out.pop(int(argument) % len(out)))
        elif word == "due" and waiting:
            lanes.again(waiting.pop(int(argument) % len(waiting)))
        settled = sum(map(len, done.values()))
        assert settled + len(out) + len(waiting) + len(list(lanes.rest())) == added, "one is lost or twice there"

    while out or waiting or lanes:
        for delivery in waiting:
            lanes.again(delivery)
        waiting.clear()
        take(2)
        if out:
            settle(0)
    assert sum(map(len, done.values())) == added
    for key in "abc":
        assert done[key] == sorted(done[key])
    assert not list(lanes.rest())


def test_a_key_that_waits_for_its_retry_holds_back_no_other() -> None:
    lanes: Lanes[str] = Lanes()
    for name in ("a1", "a2", "b1", "free"):
        lanes.add(name, name[0] if name != "free" else "")
    assert lanes.take(1) == ["a1"]
    assert lanes.take(9) == ["b1", "free"]
    assert lanes.take(9) == []
    lanes.again("a1")
    assert lanes.take(9) == ["a1"]
    lanes.settled("a")
    assert lanes.take(9) == ["a2"]


def test_without_a_key_everything_goes_at_once_in_order() -> None:
    lanes: Lanes[int] = Lanes()
    for number in range(5):
        lanes.add(number, "")
    assert len(lanes) == 5
    assert lanes.take(3) == [0, 1, 2]
    lanes.settled("")
    assert lanes.take(3) == [3, 4]


def test_at_shutdown_what_was_not_taken_is_the_rest() -> None:
    lanes: Lanes[str] = Lanes()
    for name in ("a1", "a2", "a3", "b1"):
        lanes.add(name, name[0])
    assert lanes.take(1) == ["a1"]
    assert sorted(lanes.rest()) == ["a2", "a3", "b1"]


def test_a_key_is_forgotten_when_its_last_delivery_is_settled() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(1000):
        lanes.add("x", str(number))
        lanes.take(1)
        lanes.settled(str(number))
    lanes.settled("never seen")
    assert not lanes._behind


def test_an_errand_has_its_turn_in_its_lane_and_a_door_of_its_own() -> None:
    lanes: Lanes[str] = Lanes(lambda name: name.startswith("note"))
    for name, key in (("a1", "a"), ("note-a", "a"), ("a2", "a"), ("note-b", "b"), ("note", "")):
        lanes.add(name, key)
    assert lanes.take(9) == ["a1"]
    assert [lanes.errand(), lanes.errand(), lanes.errand()] == ["note-b", "note", None]
    lanes.settled("a")
    assert lanes.take(9) == []
    assert list(lanes.rest()) == ["note-a", "a2"]
    assert lanes.errand() == "note-a"
    lanes.settled("a")
    assert lanes.take(9) == ["a2"]


def test_what_waits_behind_one_that_failed_is_turned_back_in_its_order() -> None:
    lanes: Lanes[str] = Lanes()
    for name in ("a1", "a2", "a3", "b1"):
        lanes.add(name, name[0])
    assert lanes.take(1) == ["a1"]
    assert lanes.turn_back("a") == ["a2", "a3"]
    assert lanes.turn_back("never seen") == []
    assert lanes.take(9) == ["b1"]
    lanes.settled("a")
    lanes.add("a2", "a")
    assert lanes.take(9) == ["a2"]
