"""The HubSpot connector: which streams there are, and which pass reads each."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from threading import RLock
from typing import Any, ClassVar

from pydantic import BaseModel

from connectors.base import Checked, Context, Cursor, Meter, Page, Stream
from connectors.discovery import Discovery
from connectors.errors import ConnectorError, MissingScopeError
from connectors.hubspot import reference
from connectors.hubspot.client import Client, Json
from connectors.hubspot.discover import discover
from connectors.hubspot.kinds import BY_NAME, KINDS, SCOPES, Kind
from connectors.hubspot.links import Links
from connectors.hubspot.objects import Objects, results
from connectors.hubspot.passes import PASSES, Passes
from connectors.hubspot.settings import Cadence, HubSpotSettings
from connectors.hubspot.shapes import Account
from connectors.hubspot.translate import Translator
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
        self._raw_pipelines: list[Json] | None = None
        self._properties: dict[str, frozenset[str]] = {}
        self._meter = context.meter("account")

    @property
    def streams(self) -> Sequence[Stream]:
        """Owners and pipelines, then each kind of object with the passes that complete it."""
        cadence = self._settings.cadence
        found = [Stream(name="owners", entity=records.User), Stream(name="pipelines", entity=records.Pipeline)]
        found += [Stream(name=kind.name, entity=kind.record) for kind in KINDS]
        found += [stream for kind in KINDS for stream in completing(kind, cadence)]
        chosen = set(self._settings.include or SCOPES) - set(self._settings.exclude)
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
            return reference.pipelines(self._pipelines, self._context.known.rows(records.Stage), self._client)
        name, _, which = stream.name.partition(".")
        objects = self._objects(BY_NAME[name], meter)
        passes = Passes(objects=objects, context=self._context, cadence=self._settings.cadence, stream=stream.name)
        return PASSES[which](passes, cursor)

    def check(self) -> Checked:
        """Ask for one record of each stream, and for the day's requests."""
        account = self.open()
        here, there = self._context.clock(), self._client.now()
        return Checked(
            account=account,
            streams={stream.name: self._obstacle(stream.name) for stream in self.streams if not stream.of},
            budget=self._budget(),
            clock_difference=timedelta(seconds=round((there - here).total_seconds())),
        )

    def discover(self) -> Discovery:
        """What the account has, and which of its own properties would fill which of our fields."""
        self.open()
        return discover(self._client, self._meter, self._settings.fields, lambda: self._pipelines)

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
    def _pipelines(self) -> list[Json]:
        with self._lock:
            if self._raw_pipelines is None:
                self._raw_pipelines = reference.read_pipelines(self._client, self._meter)
            return self._raw_pipelines

    @property
    def _account(self) -> Account:
        """What decides how values are read; stages that HubSpot dropped are what they were."""
        known = self._context.known.rows(records.Stage)
        try:
            return reference.account(self._details, self._pipelines, known)
        except MissingScopeError:
            return reference.account(self._details, [], known)

    def _objects(self, kind: Kind, meter: Meter) -> Objects:
        mapped = self._settings.fields.get(kind.name, {})
        fields, extra = {**kind.fields, **mapped}, tuple(self._settings.extra.get(kind.name, ()))
        asked = dict.fromkeys((*fields.values(), *kind.also, *extra, "hs_merged_object_ids"))
        return Objects(
            client=self._client,
            kind=kind,
            translator=Translator(
                kind=kind, account=self._account, fields=fields, extra=extra, there=partial(self._there, kind, meter)
            ),
            asked=tuple(asked),
            configured=(*mapped.values(), *extra),
            there=partial(self._there, kind, meter),
            links=Links(client=self._client, kind=kind, targets=kind.links),
            meter=meter,
            pool=self._pool,
            keep_payload=self._settings.keep_payload,
        )

    def _there(self, kind: Kind, meter: Meter) -> frozenset[str]:
        """The properties that the account has: HubSpot drops unknown ones from an answer without a word."""
        with self._lock:
            if kind.name not in self._properties:
                path = self._client.paths.properties(kind.name)
                found = results(self._client.get(path, (), meter), path)
                self._properties[kind.name] = frozenset(str(item["name"]) for item in found)
            return self._properties[kind.name]

    def _obstacle(self, name: str) -> str:
        paths = self._client.paths
        path = {"owners": paths.owners(), "pipelines": paths.pipelines("deals")}.get(name) or paths.objects(name)
        try:
            self._client.get(path, [] if name == "pipelines" else [("limit", 1)], self._meter)
        except MissingScopeError as error:
            return f"needs {' or '.join(error.scopes) or SCOPES[name]}"
        except ConnectorError as error:
            return str(error)
        return ""

    def _budget(self) -> dict[str, Any]:
        budget: dict[str, Any] = {}
        if self._client.daily is not None:
            budget["daily_limit"], budget["daily_left"] = self._client.daily
        budget["daily_share"] = self._settings.budget.daily_share
        budget["searches_per_second"] = self._settings.budget.search_per_second
        return budget


def completing(kind: Kind, cadence: Cadence) -> Iterator[Stream]:
    """The streams that see what the changes of a kind can't show."""
    yield Stream(name=f"{kind.name}.late", entity=kind.record, of=kind.name, every=cadence.late)
    yield Stream(name=f"{kind.name}.archived", entity=kind.record, of=kind.name, every=cadence.archived)
    if kind.links:
        yield Stream(name=f"{kind.name}.links", entity=kind.record, of=kind.name, every=cadence.links, implied=True)
    if kind.calculated:
        yield Stream(
            name=f"{kind.name}.calculated", entity=kind.record, of=kind.name, every=cadence.calculated, implied=True
        )
    yield Stream(name=f"{kind.name}.reconcile", entity=kind.record, of=kind.name, every=cadence.reconcile, implied=True)
