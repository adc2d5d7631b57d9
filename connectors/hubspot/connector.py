"""The HubSpot connector: which streams there are, and which pass reads each."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from threading import RLock
from typing import Any, ClassVar

from pydantic import BaseModel

from connectors.base import Checked, Context, Cursor, Meter, Page, Stream
from connectors.discovery import Discovery
from connectors.errors import ConnectorError, MissingScopeError, UnexpectedResponseError
from connectors.hubspot import leads, reference
from connectors.hubspot.campaigns import Campaigns
from connectors.hubspot.client import Client, Json
from connectors.hubspot.discover import discover
from connectors.hubspot.dispositions import dispositions
from connectors.hubspot.kind import Kind
from connectors.hubspot.kinds import BY_NAME, KINDS, SCOPES
from connectors.hubspot.links import Links
from connectors.hubspot.objects import BLOCK, Objects
from connectors.hubspot.paging import results
from connectors.hubspot.passes import PASSES, Passes
from connectors.hubspot.rates import rates
from connectors.hubspot.refusals import NotThereError
from connectors.hubspot.settings import Cadence, HubSpotSettings
from connectors.hubspot.shapes import Account
from connectors.hubspot.totals import moved, totals
from connectors.hubspot.translate import Translator
from connectors.shown import Shape, Shown
from connectors.totals import Movement, Total
from store import records


class HubSpotConnector:
    """Reads one HubSpot account. Streams may be read side by side."""

    Settings: ClassVar[type[BaseModel]] = HubSpotSettings

    def __init__(self, settings: HubSpotSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = Client(settings, context)
        self._pool = ThreadPoolExecutor(settings.budget.parallel, thread_name_prefix="hubspot")
        self._lock = RLock()
        self._raw_account: Json | None = None
        self._raw_pipelines: dict[str, list[Json]] = {}
        self._told_dispositions: Mapping[str, str] | None = None
        self._leads_there: bool | None = None
        self._contacts_lead: bool | None = None
        self._properties: dict[str, frozenset[str]] = {}
        self._shown: dict[str, dict[str, Shown]] = {}
        self._meter = context.meter("account")

    @property
    def streams(self) -> Sequence[Stream]:
        """Owners and pipelines, then each kind of object with the passes that complete it."""
        cadence = self._settings.cadence
        found = [Stream(name="owners", entity=records.User), Stream(name="pipelines", entity=records.Pipeline)]
        found += [
            Stream(name=kind.name, entity=kind.record, optional=kind.optional, prefix=kind.prefix) for kind in KINDS
        ]
        found += [
            Stream(name="exchange_rates", entity=records.ExchangeRate, optional=True),
            Stream(name="campaigns", entity=records.Campaign, optional=True),
            Stream(
                name="campaigns.costs",
                entity=records.Campaign,
                of="campaigns",
                every=cadence.calculated,
                implied=True,
                optional=True,
            ),
        ]
        found += [stream for kind in KINDS for stream in completing(kind, cadence)]
        chosen = self._chosen - ({"leads"} if self._settings.leads_from == "contacts" else set())
        return [stream for stream in found if (stream.of or stream.name) in chosen]

    def open(self) -> records.Account:
        """The account that answers. Raises BadCredentialsError where the token is refused."""
        return reference.account_record(self._details)

    def now(self) -> datetime:
        """HubSpot's clock as it last showed it, UTC."""
        return self._client.now()

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """The pages of a stream. Raises MissingScopeError where the token doesn't reach it."""
        meter, cursor = self._context.meter(stream.name), cursor or {}
        if stream.name == "owners":
            return reference.owners(self._client, cursor, meter)
        if stream.name == "pipelines":
            return reference.pipelines(self._every_pipeline(), self._context.known, self._client)
        if stream.name in OTHERS:
            return OTHERS[stream.name](self, meter)
        name, _, which = stream.name.partition(".")
        passes = Passes(
            objects=self._objects(self._kind(name), meter),
            context=self._context,
            cadence=self._settings.cadence,
            stream=stream.name,
        )
        pages = PASSES[which](passes, cursor)
        return chain(self._retire(stream.name, cursor), pages)

    def check(self) -> Checked:
        """Ask for one record of each stream, and for the day's requests."""
        account = self.open()
        here, there = self._context.clock(), self._client.now()
        found = {stream.name: self._obstacle(stream.name) for stream in self.streams if not stream.of}
        optional = {stream.name for stream in self.streams if stream.optional}
        return Checked(
            account=account,
            streams={name: why for name, why in found.items() if not (why and name in optional)},
            left_out={name: why for name, why in found.items() if why and name in optional},
            budget=self._budget(),
            clock_difference=timedelta(seconds=round((there - here).total_seconds())),
        )

    def discover(self) -> Discovery:
        """What the account has, and which of its own properties would fill which of our fields."""
        self.open()
        return discover(self._client, self._meter, self._settings.fields, lambda: self._pipelines("deals"))

    def totals(self) -> Sequence[Total]:
        """How many records of each kind search knows, deals also by stage. HubSpot adds no amounts up."""
        kinds = [BY_NAME[stream.name] for stream in self.streams if stream.name in BY_NAME]
        return list(totals(self._client, self._meter, kinds, lambda: self._pipelines("deals")))

    def moved(self, stream: str, since: datetime) -> Movement:
        """What was created, changed or archived since, less the time by which search may be behind."""
        kind = BY_NAME[stream]
        there = self._there(kind, self._meter)
        return moved(self._client, self._meter, kind, there, since - self._settings.cadence.late)

    def shape(self, streams: Collection[str]) -> Shape:
        """The properties of the kinds that were read whole in this run, and the pipelines that were."""
        found: dict[str, Mapping[str, Shown]] = {}
        for name in streams:
            if name in self._shown:
                asked = self._asked(self._kind(name))
                found[name] = {each: self._shown[name].get(each, Shown(type="")) for each in asked}
        if "pipelines" in streams:
            found |= {f"{of}.pipelines": reference.shown(raws) for of, raws in self._raw_pipelines.items()}
        return found

    def close(self) -> None:
        """Close connections and threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    # ------------------------------------------------------------------------------------------------- inside

    @property
    def _details(self) -> Json:
        with self._lock:
            if self._raw_account is None:
                self._raw_account = reference.details(self._client, self._meter)
            return self._raw_account

    @property
    def _chosen(self) -> set[str]:
        return set(self._settings.include or SCOPES) - set(self._settings.exclude)

    def _pipelines(self, of: str) -> list[Json]:
        with self._lock:
            if of not in self._raw_pipelines:
                self._raw_pipelines[of] = reference.read_pipelines(self._client, of, self._meter)
            return self._raw_pipelines[of]

    def _every_pipeline(self) -> dict[str, list[Json]]:
        """The deals' pipelines, and the others of what is read and can be."""
        found = {"deals": self._pipelines("deals")}
        for of in reference.OBJECTS:
            if of != "deals" and of in self._chosen:
                with suppress(MissingScopeError, NotThereError):
                    found[of] = self._pipelines(of)
        return found

    def _account(self, kind: Kind) -> Account:
        """What decides how values are read; stages that HubSpot dropped are what they were."""
        known = self._context.known
        pipelines: dict[str, list[Json]] = {"deals": [], kind.pipelines: []}
        for of in pipelines:
            with suppress(MissingScopeError, NotThereError):
                pipelines[of] = self._pipelines(of) if of else []
        return reference.account(
            self._details,
            pipelines["deals"],
            reference.deal_stages(known.rows(records.Stage), known.rows(records.Pipeline)),
            states=reference.stage_states(pipelines[kind.pipelines]),
            dispositions=self._dispositions,
        )

    def _dispositions(self) -> Mapping[str, str]:
        with self._lock:
            if self._told_dispositions is None:
                self._told_dispositions = dispositions(self._client, self._meter)
            return self._told_dispositions

    # -------------------------------------------------------------------------------------------------- leads

    @property
    def _has_leads(self) -> bool:
        """Whether the account has leads of their own, and the token may read them."""
        with self._lock:
            if self._leads_there is None:
                wanted = "leads" in self._chosen and self._settings.leads_from == "auto"
                self._leads_there = wanted and not self._refusal("leads")
            return self._leads_there

    def _kind(self, name: str) -> Kind:
        """Contacts are leads too where there are no others."""
        return CONTACTS_AS_LEADS if name == "contacts" and self._contacts_are_leads else BY_NAME[name]

    @property
    def _contacts_are_leads(self) -> bool:
        """Where the account has no leads, or as configured; not where it had some and only their scope is missing."""
        with self._lock:
            if self._contacts_lead is None:
                self._contacts_lead = "leads" in self._chosen and not self._has_leads and not self._had_leads
            return self._contacts_lead

    @property
    def _had_leads(self) -> bool:
        known = self._context.known
        return self._settings.leads_from == "auto" and known.live(records.Lead) > known.live(records.Lead, leads.PREFIX)

    def _retire(self, stream: str, cursor: Cursor) -> Iterator[Page]:
        """Once the account's leads are others than they were, the former ones are none: nobody is a lead twice."""
        known, last = self._context.known, ""
        of_contacts = stream == "leads"
        if not (self._has_leads if of_contacts else stream == "contacts" and self._contacts_are_leads):
            return
        made = known.live(records.Lead, leads.PREFIX)
        if not (made if of_contacts else known.live(records.Lead) - made):
            return
        while ids := known.ids(records.Lead, last, BLOCK, leads.PREFIX if of_contacts else ""):
            last, read_at = ids[-1], self._client.now()
            former = [id_ for id_ in ids if id_.startswith(leads.PREFIX) == of_contacts]
            gone = [records.Lead(id=id_, deleted_at=read_at) for id_ in former]
            yield Page(cursor=cursor, read_at=read_at, records=gone)

    # ------------------------------------------------------------------------------------------------ objects

    def _objects(self, kind: Kind, meter: Meter) -> Objects:
        mapped, extra = self._settings.fields.get(kind.name, {}), tuple(self._settings.extra.get(kind.name, ()))
        fields = {**kind.fields, **mapped}
        return Objects(
            client=self._client,
            kind=kind,
            translator=Translator(
                kind=kind,
                account=self._account(kind),
                fields=fields,
                extra=extra,
                there=partial(self._there, kind, meter),
            ),
            asked=self._asked(kind),
            configured=(*mapped.values(), *extra),
            there=partial(self._there, kind, meter),
            links=Links(client=self._client, kind=kind, targets=self._targets(kind)),
            meter=meter,
            pool=self._pool,
            keep_payload=self._settings.keep_payload,
        )

    def _asked(self, kind: Kind) -> tuple[str, ...]:
        """The properties that we would like to have."""
        fields = {**kind.fields, **self._settings.fields.get(kind.name, {})}
        extra = self._settings.extra.get(kind.name, ())
        return tuple(dict.fromkeys((*fields.values(), *kind.also, *extra, "hs_merged_object_ids")))

    def _targets(self, kind: Kind) -> tuple[str, ...]:
        """What its links are read to: to leads only where there are some."""
        return tuple(target for target in kind.links if target != "leads" or self._has_leads)

    def _there(self, kind: Kind, meter: Meter) -> frozenset[str]:
        """The properties that the account has: HubSpot drops unknown ones from an answer without a word.

        Raises MissingScopeError for an optional kind that this account doesn't know.
        """
        with self._lock:
            if kind.name not in self._properties:
                path = self._client.paths.properties(kind.path)
                try:
                    found = results(self._client.get(path, (), meter), path)
                except NotThereError as error:
                    raise (_not_here(kind, error) if kind.optional else error) from error
                self._shown[kind.name] = {str(item["name"]): reference.shown_property(item) for item in found}
                self._properties[kind.name] = frozenset(self._shown[kind.name])
            return self._properties[kind.name]

    def _obstacle(self, name: str) -> str:
        """Why a stream can't be read, for people; empty where it can."""
        try:
            return self._refusal(name)
        except ConnectorError as error:
            return str(error)

    def _refusal(self, name: str) -> str:
        """Why HubSpot doesn't let us read a stream; empty where it does. Raises where we can't tell."""
        paths = self._client.paths
        path = {
            "owners": paths.owners(),
            "pipelines": paths.pipelines("deals"),
            "campaigns": paths.campaigns(),
            "exchange_rates": paths.exchange_rates(),
        }.get(name) or paths.objects(BY_NAME[name].path)
        try:
            self._client.get(path, [] if name == "pipelines" else [("limit", 1)], self._meter)
        except MissingScopeError as error:
            return f"needs {' or '.join(error.scopes) or needs(name)}"
        except NotThereError:
            return f"needs {needs(name)}"
        except UnexpectedResponseError as error:
            return str(error)
        return ""

    def _budget(self) -> dict[str, Any]:
        budget: dict[str, Any] = {}
        if self._client.day.told is not None:
            budget["daily_limit"], budget["daily_left"] = self._client.day.told
        budget["daily_share"] = self._settings.budget.daily_share
        budget["searches_per_second"] = self._settings.budget.search_per_second
        return budget

    def _campaigns(self, meter: Meter, *, all_costs: bool) -> Iterator[Page]:
        campaigns = Campaigns(
            client=self._client,
            context=self._context,
            cadence=self._settings.cadence,
            meter=meter,
            currency=self._details.get("companyCurrency"),
            zone=reference.zone_of(self._details),
        )
        return campaigns.read(all_costs=all_costs)

    def _rates(self, meter: Meter) -> Iterator[Page]:
        zone = reference.zone_of(self._details)
        return rates(self._client, self._context, self._settings.cadence, meter, zone)


OTHERS: Mapping[str, Callable[[HubSpotConnector, Meter], Iterator[Page]]] = {
    "campaigns": partial(HubSpotConnector._campaigns, all_costs=False),
    "campaigns.costs": partial(HubSpotConnector._campaigns, all_costs=True),
    "exchange_rates": HubSpotConnector._rates,
}
"""Streams of what is no CRM object."""
CONTACTS_AS_LEADS = replace(
    BY_NAME["contacts"],
    also=(*BY_NAME["contacts"].also, "hs_lead_status", "hubspot_owner_assigneddate"),
    history=leads.LIFECYCLE_HISTORY,
    twin=leads.lead_of_contact,
    twin_record=records.Lead,
    twin_prefix=leads.PREFIX,
)
"""Contacts in an account without leads: what their lifecycle says of them is said of leads."""


def needs(name: str) -> str:
    """What a stream needs, for people: a scope, and at times a subscription."""
    kind = BY_NAME.get(name)
    return SCOPES[name] + (f" and {kind.edition}" if kind is not None and kind.edition else "")


def _not_here(kind: Kind, error: ConnectorError) -> MissingScopeError:
    return MissingScopeError(
        f"this account has no {kind.name}: {error}",
        scopes=(),
        hint=f"they need {needs(kind.name)}; leave the stream out with `exclude` if that is as it should be",
    )


def completing(kind: Kind, cadence: Cadence) -> Iterator[Stream]:
    """The streams that see what the changes of a kind can't show."""
    made = partial(Stream, entity=kind.record, of=kind.name, optional=kind.optional)
    yield made(name=f"{kind.name}.late", every=cadence.late)
    yield made(name=f"{kind.name}.archived", every=cadence.archived)
    if kind.links:
        yield made(name=f"{kind.name}.links", every=cadence.links, implied=True)
    if kind.calculated:
        yield made(name=f"{kind.name}.calculated", every=cadence.calculated, implied=True)
    yield made(name=f"{kind.name}.reconcile", every=cadence.reconcile, implied=True)
