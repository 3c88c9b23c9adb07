"""Wrong versions of the bus, each with one of the mistakes that lose, double or disorder events, and who must notice.

`python -m tests.mutants` makes each of them and runs the tests beside it. A test that no mutant fails may still be
worth having; a mutant that no test fails is a promise nobody watches.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One mistake.

    Args:
        file: of ours, in which `old` stands exactly once.
        tests: those that must notice; the first that fails has caught it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Return the file's text with the mistake in it; raises ValueError when there is not one place for it."""
        if (places := text.count(self.old)) != 1:
            raise ValueError(f"mutant {self.name!r}: {self.file} has {places} times {self.old!r}")
        return text.replace(self.old, self.new)


SIMULATION = "tests/core/test_ledger_simulation.py::test_nothing_is_lost_and_nothing_acknowledged_too_early_whatever_the_broker_does[3.10]"
EMBEDDED = "tests/transports/test_embedded.py::TestEmbeddedBroker"

MUTANTS = (
    Mutant(
        "acknowledge before the confirms", "bus/ledger.py",
        "            self._enter(incoming, messages)\n        else:",
        "            self._enter(incoming, messages)\n            self._done(incoming)\n        else:",
        (SIMULATION,),
    ),
    Mutant(
        "take a nack for a confirm", "bus/ledger.py",
        "        for outgoing in self._claim(lane, seq, multiple):\n            # A nack",
        "        self.confirmed(seq, multiple=multiple, lane=lane)\n        for outgoing in ():\n            # A nack",
        (SIMULATION,),
    ),
    Mutant(
        "read a nack as a confirm", "bus/runtime/rabbitmq/frames_python.py",
        "taker.confirmed(tag, bool(flags & 1), method == ACK)",
        "taker.confirmed(tag, bool(flags & 1), True)",
        ("tests/transports/test_frames.py",),
    ),
    Mutant(
        "read a nack as a confirm, in C", "bus/runtime/rabbitmq/frames_compiled.pyx",
        "bool(at[19] & 1), method == ACK)", "bool(at[19] & 1), True)",
        ("tests/transports/test_frames.py",),
    ),
    Mutant(
        "pass on a header table that names one twice, in C", "bus/runtime/rabbitmq/frames_compiled.pyx",
        "if is_shared and place and len(table) == place:", "if is_shared and place:",
        ("tests/transports/test_frames.py",),
    ),
    Mutant(
        "take an event without a field it must have, in C", "bus/validate_compiled.pyx",
        "if type_.required & ~seen:", "if False:",
        ("tests/core/test_validate_compiled.py",),
    ),
    Mutant(
        "read a number beyond what its octets can hold, in C", "bus/validate_compiled.pyx",
        "DIGITS = 18", "DIGITS = 20",
        ("tests/core/test_validate_compiled.py",),
    ),
    Mutant(
        "take one number for another whose octets lead to the same place, in C", "bus/validate_compiled.pyx",
        "known.size == size and memcmp(known.written, at, size) == 0", "known.size == size",
        ("tests/core/test_validate_compiled.py",),
    ),
    Mutant(
        "write the number that led to the same place before, in C", "bus/mapping/forms_compiled.pyx",
        "if before == <PyObject*>number:", "if before is not NULL:",
        ("tests/core/test_forms.py",),
    ),
    Mutant(
        "round a half down, in C", "bus/mapping/forms_compiled.pyx",
        'up = point[1 + places] >= c"5"', 'up = point[1 + places] > c"5"',
        ("tests/core/test_forms.py",),
    ),
    Mutant(
        "leave markup as it is, in C", "bus/mapping/forms_compiled.pyx",
        'for n in b"&<>":', 'for n in b"&>":',
        ("tests/core/test_forms.py",),
    ),
    Mutant(
        "fill in a blank that must not be empty, in C", "bus/mapping/forms_compiled.pyx",
        "((at[0] <= 0x20 or at[0] >= 0x80) and", "(at[0] == 0x20 and",
        ("tests/core/test_forms.py",),
    ),
    Mutant(
        "pass on an envelope with a text left open, in C", "bus/event_compiled.pyx",
        "return size > 0", "return True",
        ("tests/core/test_event_compiled.py",),
    ),
    Mutant(
        "number a delivery's round from 0 always, in C", "bus/event_compiled.pyx",
        "round_ if type(round_) is str else str(round_)", '"0"',
        ("tests/core/test_event_compiled.py",),
    ),
    Mutant(
        "publish without mandatory", "bus/runtime/rabbitmq/amqp.py",
        "mandatory=True", "mandatory=False",
        ("tests/transports/test_frames.py::test_every_message_is_published_mandatory_and_persistent",),
    ),
    Mutant(
        "take a returned message for a stored one", "bus/ledger.py",
        "        self._returned[outlet] += 1\n", "",
        (SIMULATION,),
    ),
    Mutant(
        "acknowledge multiple over a hole", "bus/ledger.py",
        "Acknowledge(inlet, incoming.tag, multiple=False)", "Acknowledge(inlet, incoming.tag, multiple=True)",
        (SIMULATION,),
    ),
    Mutant(
        "use the tags of before a reconnect", "bus/ledger.py",
        "        inlet.epoch += 1\n", "",
        (SIMULATION,),
    ),
    Mutant(
        "let what an orphan becomes count", "bus/ledger.py",
        "        if not incoming.wanted:\n            incoming.state = GONE\n            return False\n        incoming.mark",
        "        incoming.mark",
        (SIMULATION,),
    ),
    Mutant(
        "give a delivery an id at random", "bus/event.py",
        "hashlib.sha1(_NAMESPACE_URL + name,", 'hashlib.sha1(_NAMESPACE_URL + __import__("os").urandom(16),',
        ("tests/core/test_event_compiled.py::test_the_id_of_a_delivery_is_the_same_in_python",),
    ),
    Mutant(
        "give a delivery an id at random, in C", "bus/event_compiled.pyx",
        "tuple parts = (source,", 'tuple parts = (__import__("os").urandom(8).hex(),',
        ("tests/core/test_event.py::test_a_delivery_s_id_is_the_same_for_ever",),
    ),
    Mutant(
        "mark an event before its deliveries are safe", "bus/ledger.py",
        "            self._enter(incoming, messages)\n        else:",
        "            self._enter(incoming, messages)\n            self._outcome.unmarked.append(incoming)\n        else:",
        (SIMULATION,),
    ),
    Mutant(
        "acknowledge an event before its mark is stored", "bus/ledger.py",
        "            self._unmarked += 1\n            self._outcome",
        "            self._unmarked += 1\n            self._done(incoming)\n            self._outcome",
        (SIMULATION,),
    ),
    Mutant(
        "mark a delivery before its rows are written", "adapters/database_sink.py",
        "                    written = self._rows.write(",
        "                    with self._engine.begin() as before:\n"
        "                        names = set(delivered.columns.keys())\n"
        "                        insert(before, delivered, [_record(one, Written(None, 0), names) for one in new.values()])\n"
        "                    written = self._rows.write(",
        ("tests/adapters/test_database_sink.py::test_a_column_widened_after_a_refusal_takes_the_replay[sqlite]",),
    ),
    Mutant(
        "take what was not confirmed in time for refused", "bus/ledger.py",
        "sorted((*unknown, *self._stalled.dissolve()", "sorted((*self._stalled.dissolve()",
        (SIMULATION,),
    ),
    Mutant(
        "take a target that did not answer in time for one that refused", "adapters/http_sink.py",
        'raise Unavailable("http-timeout", system=system) from exc', 'raise Refused("http-request", system=system) from exc',
        ("tests/adapters/test_http_sink.py::test_a_target_that_is_slow_is_tried_again",),
    ),
    Mutant(
        "answer for a file that is not on the disk", "adapters/file_folder.py",
        "            os.fsync(fd)\n", "",
        ("tests/adapters/test_file_sink.py::test_what_was_answered_outlives_a_power_cut",),
    ),
    Mutant(
        "answer for the name of a file that is not on the disk", "adapters/file_sink.py",
        "            folder.sync()  # names are certain only now: an error here is the batch's\n", "",
        ("tests/adapters/test_file_sink.py::test_what_was_answered_outlives_a_power_cut",),
    ),
    Mutant(
        "commit without the disk", "bus/runtime/embedded_store.py",
        "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL",
        ("tests/transports/test_embedded_trouble.py::test_every_commit_is_on_the_disk_before_anyone_hears_of_it",),
    ),
    Mutant(
        "drop what is in flight when the configuration is exchanged", "bus/runtime/delivery.py",
        "    def use(self, routing: Routing) -> None:\n",
        "    def use(self, routing: Routing) -> None:\n        self._lanes = Lanes[_Job]()\n",
        ("tests/runtime/test_delivery.py::test_other_tables_taken_into_use_drop_nothing_that_waits_for_its_turn",),
    ),
    Mutant(
        "deal a key to another partition", "bus/wire.py",
        "zlib.crc32(key.encode())", "zlib.adler32(key.encode())",
        ("tests/core/test_partition.py",),
    ),
    Mutant(
        "try again at once", "bus/runtime/embedded_store.py",
        "if message.delay_s > 0:", "if message.delay_s < 0:",
        (f"{EMBEDDED}::test_a_delayed_message_comes_in_time_and_a_shorter_one_overtakes",),
    ),
    Mutant(
        "let a failed delivery go to the end of its key", "bus/runtime/delivery.py",
        "        if job.key:  # it holds back", "        if not job:  # it holds back",
        ("tests/runtime/test_delivery.py::test_a_failed_delivery_holds_back_its_own_key_alone",),
    ),
    Mutant(
        "give back alone where order is kept", "bus/runtime/rabbitmq/inlet.py",
        "        if self.ordered and delivery.wanted:  # what follows it must come after it again\n", "        if False:\n",
        ("tests/transports/test_rabbitmq_order.py::test_what_is_given_back_where_order_is_kept_takes_all_behind_it_along",),
    ),
    Mutant(
        "take what one channel confirms for another's", "bus/ledger.py",
        "self._flights[lane].land(", "self._flights[-1 - lane].land(",
        (SIMULATION,),
    ),
    Mutant(
        "let newer messages overtake what their queue refused", "bus/ledger.py",
        "if not self._stalled.holds(outgoing))", "if True)",
        (SIMULATION,),
    ),
    Mutant(
        "wait for ever for a confirm", "bus/runtime/rabbitmq/broker.py",
        "            self._publishing.drop()\n        outcome", "        outcome",
        ("tests/transports/test_rabbitmq_faults.py::test_a_confirm_that_never_comes_is_not_waited_for_for_ever",),
    ),
    Mutant(
        "let the mark of an event that is alone wait for others", "bus/runtime/rabbitmq/identities.py",
        " or not self._in_hand):", "):",
        ("tests/transports/test_rabbitmq_identities.py::test_with_nothing_more_in_hand_a_mark_does_not_wait_for_others",),
    ),
    Mutant(
        "take any confirm for that of the one that tries", "bus/stalled.py",
        "if line is None or line.trying is not one:", "if line is None:",
        ("tests/core/test_ledger_publishing.py",),
    ),
    Mutant(
        "let a queue's messages leave by any channel", "bus/runtime/rabbitmq/addressing.py",
        "self.lanes.setdefault(message.to,", "self.lanes.setdefault(str(id(message)),",
        ("tests/transports/test_addressing.py",),
    ),
)
