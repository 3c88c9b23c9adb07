"""The event and the ids that are made of it."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from bus.event import Event, delivery_id, digest, identity

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_subject_and_key_follow_the_id_where_none_is_given() -> None:
    assert (Event("a.b", "erp", "1", {}).subject, Event("a.b", "erp", "1", {}).key) == ("1", "1")
    assert Event("a.b", "erp", "1", {}, "PO-1").key == "PO-1"
    assert Event("a.b", "erp", "1", {}, "PO-1", key="k").key == "k"


def test_an_event_around_other_data_is_another_event() -> None:
    event = Event("a.b", "erp", "1", {"x": 1}, "PO-1", key="k", extensions={"e": "f"})
    assert event.with_data({"x": 2}) == Event("a.b", "erp", "1", {"x": 2}, "PO-1", key="k", extensions={"e": "f"})
    assert event.data == {"x": 1}


@given(TEXT, TEXT, TEXT, TEXT, st.integers(0, 99) | st.just("1.0"))
def test_a_delivery_s_id_is_the_uuid5_that_every_language_can_compute(
    source: str, id_: str, route: str, system: str, round_: int | str
) -> None:
    name = f"{source}\n{id_}\n{route}\n{system}\n{round_}"
    assert delivery_id(source, id_, route, system, round_) == str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def test_a_delivery_s_id_is_the_same_for_ever() -> None:
    assert delivery_id("erp", "PO-1-v1", "po-to-wms", "wms") == "7fd19dbe-5281-54d1-b6c3-edab7b124c67"
    assert delivery_id("erp", "PO-1-v1", "po-to-wms", "wms", 0) == delivery_id("erp", "PO-1-v1", "po-to-wms", "wms")


def test_every_round_route_and_system_has_a_delivery_of_its_own() -> None:
    ids = {
        delivery_id("erp", "1", route, system, round_)
        for route in ("a", "b") for system in ("oa", "wms") for round_ in (0, 1, "1.0", "1.1")
    }
    assert len(ids) == 16


def test_the_same_number_of_two_systems_is_two_events() -> None:
    assert identity("erp", "PO-1") != identity("wms", "PO-1")


def test_a_digest_tells_bodies_apart() -> None:
    assert digest(b"{}") == digest(b"{}") != digest(b"{ }")
