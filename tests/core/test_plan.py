"""What sets a broker apart from routing.yaml, decided without one."""

from dataclasses import replace

import pytest

from bus.declarations import DELIVER, EVENTS, STREAMS, Binding, declarations, retry
from bus.errors import BusError, ConfigurationError
from bus.permissions import User
from bus.plan import RECORD, Record, Seen, Wanted, applied, changes, pruned, read_record, wanted
from bus.topology import PARTITION, ROUTER, Topology, topology

ERP = User("erp", write="^(bus\\.events)$", topics=((EVENTS, "^(a\\.b)$"),))
SCM = User("scm", read="^to\\.scm$")


def want(*systems: str, delays: tuple[float, ...] = (5.0,), ordered: bool = False, users: tuple[User, ...] = (ERP,)) -> Wanted:
    shape = topology(systems or ("erp", "wms"), delays, ("wms",) if ordered else ())
    return wanted(shape, declarations(shape), users)


EMPTY = Seen({})


def made(before: Wanted, after: Wanted | None = None, **held: int) -> Seen:
    """What a broker shows to `after` once `before` was applied; `held` are messages, with _ for a full stop."""
    declared = before.declarations
    messages = {queue.name: 0 for queue in declared.queues} | {name.replace("_", "."): n for name, n in held.items()}
    exchanges = frozenset(exchange.name for exchange in declared.exchanges)
    del after
    return Seen(messages, exchanges, {}, applied(before, EMPTY))


def told(want: Wanted, seen: Seen) -> list[tuple[str, str]]:
    return [(f"{change.action} {change.kind}", change.name) for change in changes(want, seen)]


def test_an_empty_broker_lacks_everything_in_the_order_it_is_made() -> None:
    listed = told(want(), EMPTY)
    kinds = [kind for kind, _ in listed]
    assert kinds == sorted(kinds, key=["create exchange", "create queue", "make", "bind binding", "grant permission"].index)
    names = {name for kind, name in listed if kind == "create queue"}
    assert names == {ROUTER, "bus.documents", "bus.invalid", "to.erp", "to.wms", "dead.erp", "dead.wms", "bus.retry.5s", *STREAMS, RECORD}
    assert ("bind binding", f"{EVENTS} → {ROUTER}") in listed
    assert ("bind binding", f"{DELIVER} → {RECORD}") in listed
    assert listed[-1] == ("grant permission", "erp")


def test_what_was_applied_is_no_difference_any_more() -> None:
    assert changes(want(), made(want())) == ()
    ordered = want(ordered=True)
    assert changes(ordered, made(ordered)) == ()


def test_a_detail_says_the_arguments_a_person_would_look_for() -> None:
    detail = {change.name: change.detail for change in changes(want(ordered=True), EMPTY)}
    assert detail["bus.router.0"] == "x-queue-type=quorum, x-delivery-limit=1000000, x-single-active-consumer=true"
    assert detail[PARTITION] == detail["to.wms"] == detail["bus.router.0"]
    assert detail["to.erp"] == "x-queue-type=quorum, x-delivery-limit=1000000"
    for stream in STREAMS:
        assert detail[stream] == "x-queue-type=stream, x-max-age=7D, x-stream-max-segment-size-bytes=4194304"
    assert detail[EVENTS] == "topic"
    assert detail["erp"] == r"configure ^$  write ^(bus\.events)$  read ^$  topics bus.events: ^(a\.b)$"


def test_a_system_that_is_gone_is_told_once_with_what_would_be_lost_and_nothing_is_deleted() -> None:
    before, after = want("erp", "wms", "crm"), want("erp", "wms")
    seen = made(before, to_crm=12)
    orphaned = changes(after, seen)
    assert [(change.action, change.name) for change in orphaned] == [("orphan", "dead.crm"), ("orphan", "to.crm")]
    assert "12 messages" in orphaned[1].detail
    again = replace(seen, record=applied(after, seen))
    assert changes(after, again) == ()
    assert set(again.record.queues if again.record else ()) >= {"to.crm", "dead.crm"}


def test_a_system_that_comes_back_finds_its_queues() -> None:
    before, after = want("erp", "wms", "crm"), want("erp", "wms")
    seen = replace(made(before), record=applied(after, made(before)))
    assert changes(before, seen) == ()
    assert applied(before, seen).orphans == ()


def test_pruned_queues_are_forgotten() -> None:
    before, after = want("erp", "wms", "crm"), want("erp", "wms")
    record = applied(after, made(before))
    left = pruned(record, ["to.crm"])
    assert left.orphans == ("dead.crm",)
    assert "to.crm" not in left.queues


def test_without_a_record_bindings_and_permissions_count_as_not_made_yet() -> None:
    seen = replace(made(want()), record=None)
    listed = told(want(), seen)
    assert {kind for kind, _ in listed} == {"bind binding", "grant permission"}
    assert len(listed) == len(want().declarations.bindings) + 1


def test_a_queue_somebody_deleted_is_made_again_with_its_bindings_whatever_the_record_says() -> None:
    seen = made(want())
    gone = replace(seen, messages={name: n for name, n in seen.messages.items() if name != "to.wms"})
    assert told(want(), gone) == [("create queue", "to.wms"), ("bind binding", f"{DELIVER} → to.wms")]


def test_a_queue_with_other_arguments_is_explained_and_stays_a_difference() -> None:
    error: BusError = ConfigurationError(
        "amqp-queue-differs", name="to.wms", argument="x-queue-type", wanted="quorum", found="classic"
    )
    seen = replace(made(want(), to_wms=3), differing={"to.wms": error})
    (change,) = changes(want(), seen)
    assert (change.action, change.kind, change.name) == ("differs", "queue", "to.wms")
    assert change.detail.startswith("queue to.wms exists with x-queue-type = classic; the bus needs quorum; it holds 3: ")
    assert "rabbitmqctl delete_queue to.wms" in change.detail
    after = applied(want(), seen)
    assert Binding(DELIVER, "to.wms", "to.wms") not in after.bindings
    assert changes(want(), replace(seen, record=after)) == (change,)


def test_an_empty_queue_that_differs_in_how_many_read_it_is_made_anew() -> None:
    error: BusError = ConfigurationError(
        "amqp-queue-differs", name="to.wms", argument="x-single-active-consumer", wanted="true", found="none"
    )
    seen = replace(made(want(ordered=True)), differing={"to.wms": error})
    (change,) = changes(want(ordered=True), seen)
    assert (change.action, change.name, change.detail) == (
        "remake", "to.wms", "x-queue-type=quorum, x-delivery-limit=1000000, x-single-active-consumer=true",
    )
    assert Binding(DELIVER, "to.wms", "to.wms") in applied(want(ordered=True), seen).bindings
    (holding,) = changes(want(ordered=True), replace(seen, messages={**seen.messages, "to.wms": 1}))
    assert holding.action == "differs"


def test_an_exchange_with_another_type_is_explained() -> None:
    error: BusError = ConfigurationError("amqp-exchange-differs", name=EVENTS, argument="type", wanted="topic", found="fanout")
    (change,) = changes(want(), replace(made(want()), differing={EVENTS: error}))
    assert (change.action, change.kind) == ("differs", "exchange")


def test_changing_the_way_of_ordering_unbinds_the_former_way_and_moves_its_events() -> None:
    plain, ordered = want(), want(ordered=True)
    seen = made(plain, bus_router=7)
    listed = told(ordered, seen)
    assert ("unbind binding", f"{EVENTS} → {ROUTER}") in listed
    assert listed[-1] == ("move queue", ROUTER)
    emptied = replace(made(ordered), messages={**made(ordered).messages, ROUTER: 0}, record=applied(ordered, seen))
    assert changes(ordered, emptied) == ()


def test_the_former_bindings_are_told_only_where_both_ends_are_there() -> None:
    plain, ordered = want(), want(ordered=True)
    both = Seen(
        {**made(plain).messages, **made(ordered).messages}, made(plain).exchanges | made(ordered).exchanges, {},
        applied(plain, EMPTY),
    )
    assert [name for kind, name in told(ordered, both) if kind == "unbind binding"] == [
        f"{EVENTS} → {ROUTER}", f"{DELIVER} → {ROUTER}",
    ]
    assert [name for kind, name in told(plain, replace(both, record=None)) if kind == "unbind binding"] == [
        f"{EVENTS} → {PARTITION}", f"{DELIVER} → {PARTITION}",
    ]
    assert not [name for kind, name in told(plain, both) if kind == "unbind binding"]


def test_permissions_that_changed_are_granted_anew_and_those_of_nobody_revoked() -> None:
    seen = made(want(users=(ERP, SCM)))
    assert told(want(users=(replace(ERP, topics=()), SCM)), seen) == [("grant permission", "erp")]
    (revoked,) = changes(want(users=(ERP,)), seen)
    assert (revoked.action, revoked.name) == ("revoke", "scm")
    assert "rabbitmqctl delete_user scm" in revoked.detail


def test_a_record_is_read_back_as_it_was_written() -> None:
    record = applied(want(users=(ERP, SCM), ordered=True), EMPTY)
    assert read_record(record.body()) == record
    assert read_record(Record().body()) == Record()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"format":2}', b'{"format":1}', b'{"format":1,"queues":[],"orphans":[],"bindings":[[1]],"users":[]}'])
def test_a_record_nobody_can_read_is_none(body: bytes) -> None:
    assert read_record(body) is None


def test_a_delay_has_one_name() -> None:
    assert [retry(s) for s in (0.5, 0.0001, 5, 300, 86_400)] == [
        "bus.retry.500ms", "bus.retry.1ms", "bus.retry.5s", "bus.retry.5m", "bus.retry.1d",
    ]
    assert Topology((), (0.5,)).router_queues == (ROUTER,)
