"""The pipelines of a generated company: the vendors' default stages, and renewals with numeric ids."""

from dealmeter.sandbox.account import Pipeline, Stage

SALES = Pipeline(
    id="default",
    label="Sales Pipeline",
    stages=(
        Stage(id="appointmentscheduled", label="Appointment Scheduled", probability="0.2"),
        Stage(id="qualifiedtobuy", label="Qualified To Buy", probability="0.4"),
        Stage(id="presentationscheduled", label="Presentation Scheduled", probability="0.6"),
        Stage(id="decisionmakerboughtin", label="Decision Maker Bought-In", probability="0.8"),
        Stage(id="contractsent", label="Contract Sent", probability="0.9"),
        Stage(id="closedwon", label="Closed Won", probability="1.0", closed=True),
        Stage(id="closedlost", label="Closed Lost", probability="0.0", closed=True),
    ),
)
RENEWALS = Pipeline(
    id="7311204",
    label="Renewals",
    stages=(
        Stage(id="7311205", label="Due within 90 days", probability="0.5"),
        Stage(id="7311206", label="In talks", probability="0.7"),
        Stage(id="7311207", label="Offer sent", probability="0.85"),
        Stage(id="7311208", label="Renewed", probability="1.0", closed=True),
        Stage(id="7311209", label="Churned", probability="0.0", closed=True),
        Stage(id="7311210", label="On hold", probability="0.3", deleted=True),
    ),
    created=1_685_350_923_411,
)
PIPELINES = (SALES, RENEWALS)
DELETED_STAGE = RENEWALS.stages[-1]
LEADS = Pipeline(
    id="lead-pipeline-id",
    label="Lead pipeline",
    stages=(
        Stage(id="new-stage-id", label="New", state="NEW"),
        Stage(id="attempting-stage-id", label="Attempting", state="IN_PROGRESS"),
        Stage(id="connected-stage-id", label="Connected", state="CONNECTED"),
        Stage(id="qualified-stage-id", label="Qualified", probability="1.0", closed=True, state="QUALIFIED"),
        Stage(id="unqualified-stage-id", label="Disqualified", closed=True, state="UNQUALIFIED"),
    ),
)
TICKETS = Pipeline(
    id="0",
    label="Support Pipeline",
    stages=(
        Stage(id="1", label="New", state="OPEN"),
        Stage(id="2", label="Waiting on contact", state="OPEN"),
        Stage(id="3", label="Waiting on us", state="OPEN"),
        Stage(id="4", label="Closed", closed=True, state="CLOSED"),
    ),
)
ORDERS = Pipeline(
    id="order-pipeline",
    label="Order Pipeline",
    stages=(
        Stage(id="order-open", label="Open", state="OPEN"),
        Stage(id="order-processed", label="Processed", state="OPEN"),
        Stage(id="order-shipped", label="Shipped", state="OPEN"),
        Stage(id="order-delivered", label="Delivered", closed=True, state="CLOSED"),
        Stage(id="order-cancelled", label="Cancelled", closed=True, state="CLOSED"),
    ),
)
