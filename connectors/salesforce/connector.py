"""The Salesforce connector: which streams there are, and which pass reads each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, ClassVar

from pydantic import BaseModel

from connectors.base import Checked, Context, Cursor, Meter, Page, Stream
from connectors.discovery import Discovery
from connectors.errors import ConnectorError, MissingScopeError
from connectors.once import once
from connectors.salesforce import reference
from connectors.salesforce.auth import LEGACY
from connectors.salesforce.bulk import Bulk
from connectors.salesforce.client import Client, Json
from connectors.salesforce.dependents import BY_STREAM, DEPENDENTS, Dependents
from connectors.salesforce.dependents_pass import DependentsPass
from connectors.salesforce.discover import discover
from connectors.salesforce.kinds import BY_NAME, KINDS, STREAMS, Kind
from connectors.salesforce.objects import Objects, Rows
from connectors.salesforce.org import Org
from connectors.salesforce.passes import PASSES, Passes
from connectors.salesforce.refusals import NotThereError
from connectors.salesforce.settings import Cadence, SalesforceSettings
from connectors.salesforce.shapes import Account
from connectors.salesforce.soql import select
from connectors.salesforce.totals import moved, totals
from connectors.salesforce.translate import Translator
from connectors.shown import Shape, Shown
from connectors.totals import Movement, Total
from store import records


class SalesforceConnector:
    """Reads one Salesforce org. Streams may be read side by side."""

    Settings: ClassVar[type[BaseModel]] = SalesforceSettings

    def __init__(self, settings: SalesforceSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._meter = context.meter("account")
        self._client = Client(settings, context)
        self._org = Org(self._client, self._meter)
        self._bulk = Bulk(client=self._client, settings=settings.bulk, context=context)
        self._lock = RLock()

    @property
    def streams(self) -> Sequence[Stream]:
        """Users, pipelines and rates, then each kind of object with the passes that complete it."""
        found = [
            Stream(name="owners", entity=records.User),
            Stream(name="pipelines", entity=records.Pipeline),
            Stream(name="rates", entity=records.ExchangeRate),
        ]
        found += [
            Stream(name=kind.name, entity=kind.record, optional=kind.optional, prefix=kind.prefix) for kind in KINDS
        ]
        found += [stream for kind in KINDS for stream in completing(kind, self._settings.cadence)]
        chosen = set(self._settings.include or STREAMS) - set(self._settings.exclude)
        return [stream for stream in found if (stream.of or stream.name) in chosen]

    def open(self) -> records.Account:
        """The org that answers. Raises BadCredentialsError where the sign-in is refused."""
        return reference.account_record(self._organization, self._currency)

    def now(self) -> datetime:
        """Salesforce's clock as it last showed it, UTC."""
        return self._client.now()

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """The pages of a stream. Raises MissingScopeError where the org lacks its object or hides it."""
        meter, cursor = self._context.meter(stream.name), cursor or {}
        if stream.name in SMALL:
            return getattr(self, f"_{stream.name}")(meter)  # type: ignore[no-any-return]
        name, _, which = stream.name.partition(".")
        kind = BY_NAME[name]
        if stream.name in BY_STREAM:
            return self._dependents(BY_STREAM[stream.name], kind, meter).read(cursor)
        passes = Passes(
            objects=self._objects(kind, meter),
            dependents=[self._dependents(each, kind, meter) for each in DEPENDENTS if each.of == name],
            context=self._context,
            cadence=self._settings.cadence,
            stream=stream.name,
        )
        return PASSES[which](passes, cursor)

    def check(self) -> Checked:
        """Ask for one record of each stream, and for the org's limits."""
        account = self.open()
        here, there = self._context.clock(), self._client.now()
        main = [stream for stream in self.streams if not stream.of]
        obstacles = {stream.name: self._obstacle(stream.name) for stream in main}
        left_out = {stream.name: why for stream in main if stream.optional and (why := obstacles[stream.name])}
        return Checked(
            account=account,
            streams={name: why for name, why in obstacles.items() if name not in left_out},
            left_out=left_out,
            budget=self._budget(),
            clock_difference=timedelta(seconds=round((there - here).total_seconds())),
        )

    def discover(self) -> Discovery:
        """What the org has, and which of its own fields would fill which of our fields."""
        self.open()
        return discover(lambda name: self._rows(name, self._meter), self._settings.fields, self._told_pipelines)

    def totals(self) -> Sequence[Total]:
        """How many records of each kind there are; opportunities and their amounts by record type and stage."""
        kinds = [BY_NAME[stream.name] for stream in self.streams if stream.name in BY_NAME]
        return list(totals([self._objects(kind, self._meter) for kind in kinds]))

    def moved(self, stream: str, since: datetime) -> Movement:
        """What was created, changed or deleted since, less the time that a transaction may take to be seen."""
        return moved(self._objects(BY_NAME[stream], self._meter), since - self._settings.cadence.late)

    def shape(self, streams: Collection[str]) -> Shape:
        """The fields of the objects that were read, the record types and the stages."""
        found: dict[str, Mapping[str, Shown]] = {
            name: self._objects(BY_NAME[name], self._meter).shown() for name in streams if name in BY_NAME
        }
        if "pipelines" in streams:
            found["pipelines"] = reference.shown(self._record_types, self._stages)
        return found

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    # ------------------------------------------------------------------------------------------- small streams

    def _owners(self, meter: Meter) -> Iterator[Page]:
        notes = [LEGACY] if self._settings.auth == "password" else []
        return reference.owners(self._rows("User", meter), self._rows("UserRole", meter), notes)

    def _pipelines(self, meter: Meter) -> Iterator[Page]:
        rows = self._rows("OpportunityStage", meter)
        return reference.pipelines(self._stages, self._record_types, self._context.known, rows)

    def _told_pipelines(self) -> Iterator[records.Statement]:
        return (record for page in self._pipelines(self._meter) for record in page.records)

    def _rates(self, meter: Meter) -> Iterator[Page]:
        rows = self._rows("DatedConversionRate", meter)
        dated = reference.if_there(rows, reference.DATED_RATE)
        known = self._context.known.rows(records.ExchangeRate)
        return reference.rates(self._currencies, dated, self._account, known, rows)

    # ------------------------------------------------------------------------- what decides how values are read

    @once
    def _organization(self) -> Json:
        return reference.organization(self._rows("Organization", self._meter))

    @once
    def _currencies(self) -> list[Json]:
        return reference.if_there(self._rows("CurrencyType", self._meter), reference.CURRENCY)

    @property
    def _currency(self) -> str | None:
        return reference.corporate_currency(self._currencies, self._organization, self._settings.default_currency)

    @once
    def _stages(self) -> list[Json]:
        return reference.everything(self._rows("OpportunityStage", self._meter), reference.STAGE)

    @once
    def _record_types(self) -> list[Json]:
        """The record types of opportunities: none where opportunities have none."""
        if not self._org.visible("Opportunity", ("RecordTypeId",)):
            return []
        rows = self._rows("RecordType", self._meter)
        return reference.if_there(rows, reference.RECORD_TYPE, "SobjectType = 'Opportunity'")

    @once
    def _account(self) -> Account:
        raw, known = self._organization, self._context.known.rows(records.Stage)
        zone, name = reference.zone(raw)
        try:
            closed = reference.closed_stages(self._stages, known)
        except MissingScopeError:
            closed = reference.closed_stages([], known)
        return Account(
            id=str(raw["Id"]),
            zone=zone,
            time_zone=name,
            currency=self._currency,
            closed_stages=closed,
            deal_types=self._settings.deal_types,
            address=self._client.instance_url,
        )

    @once
    def _periods(self) -> dict[str, tuple[str, str]]:
        return reference.periods(reference.if_there(self._rows("Period", self._meter), reference.PERIOD))

    # ------------------------------------------------------------------------------------------------- inside

    def _rows(self, object_: str, meter: Meter) -> Rows:
        return Rows(client=self._client, org=self._org, bulk=self._bulk, object=object_, meter=meter)

    def _objects(self, kind: Kind, meter: Meter) -> Objects:
        mapped = self._settings.fields.get(kind.name, {})
        extra = tuple(self._settings.extra.get(kind.name, ()))
        account = self._account
        if kind.name == "targets":
            account = replace(account, periods=self._periods)
        return Objects(
            rows=self._rows(kind.object, meter),
            kind=kind,
            translator=Translator(kind=kind, account=account, fields={**kind.fields, **mapped}, extra=extra),
            configured=(*mapped.values(), *extra),
            keep_payload=self._settings.keep_payload,
        )

    def _dependents(self, what: Dependents, kind: Kind, meter: Meter) -> DependentsPass:
        return DependentsPass(
            what=what,
            kind=kind,
            rows={source.object: self._rows(source.object, meter) for source in what.sources},
            account=self._account,
            context=self._context,
            cadence=self._settings.cadence,
        )

    def _obstacle(self, name: str) -> str:
        object_ = STREAMS[name]
        if name == "rates" and not self._org.has(object_):
            return ""  # an org with one currency
        try:
            self._org.fields(object_)
            self._client.query(select(["Id"], object_, limit=1), self._meter)
        except MissingScopeError:
            return f"the org has no {object_}, or the user lacks Read (and View All) on it"
        except ConnectorError as error:
            return str(error)
        return ""

    def _budget(self) -> dict[str, Any]:
        budget: dict[str, Any] = {}
        try:
            limits = self._client.get("limits/", self._meter)
        except (MissingScopeError, NotThereError):  # it takes the permission View Setup
            limits = {}
        for name, what in LIMITS.items():
            if isinstance(limits.get(name), dict):
                budget[f"{what}_limit"], budget[f"{what}_left"] = limits[name].get("Max"), limits[name].get("Remaining")
        if "daily_limit" not in budget and self._client.day.told is not None:
            budget["daily_limit"], budget["daily_left"] = self._client.day.told
        budget["daily_share"] = self._settings.budget.daily_share
        return budget


SMALL = ("owners", "pipelines", "rates")
LIMITS = {"DailyApiRequests": "daily", "DailyBulkV2QueryJobs": "bulk_jobs"}


def completing(kind: Kind, cadence: Cadence) -> Iterator[Stream]:
    """The streams that see what the changes of a kind can't show."""
    for each in DEPENDENTS:
        if each.of == kind.name:
            yield Stream(name=f"{kind.name}.{each.name}", entity=kind.record, of=kind.name)
    yield Stream(name=f"{kind.name}.late", entity=kind.record, of=kind.name, every=cadence.late)
    yield Stream(name=f"{kind.name}.archived", entity=kind.record, of=kind.name, every=cadence.archived)
    yield Stream(
        name=f"{kind.name}.calculated", entity=kind.record, of=kind.name, every=cadence.calculated, implied=True
    )
    yield Stream(name=f"{kind.name}.reconcile", entity=kind.record, of=kind.name, every=cadence.reconcile, implied=True)
