"""The reply to a delivery, on its way to the router."""

from datetime import datetime

from bus.adapter import Answer
from bus.event import Event
from bus.inbound import Replies
from bus.ports import Header, Message
from bus.routing import Target
from bus.runtime.telemetry import Telemetry
from bus.wire import event_message

OTHERWISE = "otherwise"


def reply_message(
    replies: Replies, telemetry: Telemetry, target: Target, word: str, event: Event, answer: Answer, delivery: str,
    now: datetime, replays: Header | None = None,
) -> Message | None:
    """Make the event that `then` or `otherwise` asks for; None where the route has none. Raises BusError.

    Args:
        replays: how often the delivery's letter was replayed. One that is dead once more says so anew, with
            the reason it has now; success is the same event however often it is repeated.
    """
    again = isinstance(replays, int) and replays > 0 and word == OTHERWISE
    id_ = f"{delivery}:{replays!s}" if again else delivery
    reply = replies.reply(target, word, event, answer, id_, now)
    if reply is None:
        return None
    made = reply.event
    telemetry.replied(target.route.name, target.system, made.type, event_id=made.id, subject=made.subject)
    return event_message(made, reply.body)
