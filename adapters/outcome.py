"""What became of a document or a delivery, in the words of the adapter contract."""

from bus.adapter import Accept, Accepted, Answer, Document
from bus.errors import BusError, IdentityConflict, Refused, Unavailable


async def accepted_or_refused(accept: Accept, document: Document) -> Accepted:
    """Hand `document` over; an error that is about the document comes back as its problem.

    Raises:
        Unavailable: the bus could not store it.
    """
    try:
        return await accept(document)
    except Unavailable:
        raise
    except BusError as error:
        return Accepted((), error)


def refusal(accepted: Accepted) -> BusError | None:
    """Return why the sender must do something, or None when the bus has the document in hand.

    A document that is only held, say for a code that is not mapped yet, goes on without its sender; so
    does one that became at least one event.

    >>> refusal(Accepted((), Refused("no-rule"))).code
    'no-rule'
    >>> refusal(Accepted((("gate_pass.issued", "GP-1"),), Refused("no-rule"))) is None
    True
    """
    if accepted.events or not isinstance(accepted.problem, (Refused, IdentityConflict)):
        return None
    return accepted.problem


def answer_for(error: BusError) -> Answer:
    """Say an error of ours as the target's answer: Unavailable may pass by itself, nothing else does."""
    passing = isinstance(error, Unavailable)
    return Answer(
        ok=False,
        code=error.code,
        message=str(error),
        error=error,
        retry=passing,
        retry_after_s=error.retry_after_s if isinstance(error, Unavailable) else None,
    )
