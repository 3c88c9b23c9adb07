"""What the bus itself tells its operators; a person acts on it."""

from pydantic import Field

from schemas.parts import Moment, Part, Whole, event


class EventReference(Part):
    """Which event it is about: source and id are its identity."""

    source: str = Field(description="System that published the event")
    id: str = Field(description="Id of the event")
    type: str | None = Field(None, description="Type of the event")
    subject: str | None = Field(None, description="Document number of the event")
    system: str | None = Field(None, description="Subscriber it is about")
    route: str | None = Field(None, description="Route it took")


@event("reconciliation.mismatch_found")
class ReconciliationMismatchFound(EventReference):
    """What was sent and what arrived differ."""

    reason: str = Field(description="What differs, e.g. missing, duplicate, different")
    sent: Whole | None = Field(None, description="How many were sent")
    arrived: Whole | None = Field(None, description="How many arrived")
    found_at: Moment | None = Field(None, description="When the audit found it")


@event("reconciliation.mismatch_resolved")
class ReconciliationMismatchResolved(EventReference):
    """A person settled a difference."""

    resolution: str | None = Field(None, description="What was done")
    resolved_by: str | None = Field(None, description="Who settled it")
    resolved_at: Moment | None = Field(None, description="When it was settled")


@event("delivery.dead_lettered")
class DeliveryDeadLettered(EventReference):
    """A delivery was given up: retries are exhausted or the target refused it for good."""

    reason: str = Field(description="Why it was given up")
    code: str | None = Field(None, description="Error code of the last failure")
    delivery_id: str | None = Field(None, description="Id of the delivery")
    attempts: Whole | None = Field(None, description="How often it was tried")
    dead_lettered_at: Moment | None = Field(None, description="When it was given up")


@event("delivery.replayed")
class DeliveryReplayed(EventReference):
    """A dead letter was sent on its way again."""

    delivery_id: str | None = Field(None, description="Id of the delivery")
    replayed_by: str | None = Field(None, description="Who sent it again")
    replayed_at: Moment | None = Field(None, description="When it was sent again")
