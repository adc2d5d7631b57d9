"""The connector for files: a folder of CSV as if it were a CRM."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path
from threading import RLock
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel

from connectors.base import Checked, Context, Cursor, Page, Stream
from connectors.discovery import Discovery
from connectors.errors import ActionNeededError, ConnectorError, ShrunkError, UnreachableError
from connectors.files.discover import discover
from connectors.files.entities import ACCOUNT, ENTITIES, ID, Entity
from connectors.files.keys import Keys
from connectors.files.reading import Reading, Vanished, may_go
from connectors.files.rows import Habits, Rows
from connectors.files.settings import FilesSettings
from connectors.files.sheet import Sheet
from connectors.files.totals import total
from connectors.once import once
from connectors.shown import Shape, Shown
from connectors.totals import Movement, Total
from store.records import Account

SUFFIX = ".csv"
ACCOUNT_ID = "files"


class FilesConnector:
    """Reads one folder. Streams may be read side by side."""

    Settings: ClassVar[type[BaseModel]] = FilesSettings

    def __init__(self, settings: FilesSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._headers: dict[str, Sequence[str]] = {}
        self._lock = RLock()

    @property
    def streams(self) -> Sequence[Stream]:
        """One for each file that is there, and for each that was: a file that is gone must be told of."""
        return [Stream(name=entity.name, entity=entity.record) for entity in self._chosen() if self._concerns(entity)]

    def open(self) -> Account:
        """The company, as `accounts.csv` and the settings describe it. Raises UnreachableError without a folder."""
        for name, close in self._strangers.items():
            self._context.notice(f"{name}: {_stranger(close)}")
        return self._account

    def now(self) -> datetime:
        """Our own clock: a folder has none."""
        return self._context.clock()

    def check(self) -> Checked:
        """Look at the header of each file."""
        account = self.open()
        streams = {stream.name: self._obstacle(ENTITIES[stream.name]) for stream in self.streams}
        streams |= {name: _stranger(close) for name, close in self._strangers.items() if close}
        return Checked(account=account, streams=streams, budget={}, clock_difference=timedelta(0))

    def discover(self) -> Discovery:
        """The files with their columns, and which columns of yours would fill which of our fields."""
        self.open()
        there = [entity for entity in self._chosen() if entity.name in self._files]
        sheets = {entity.name: self._sheet(self._files[entity.name], entity) for entity in there}
        return discover(there, sheets, self._habits)

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Page]:
        """The pages of a file that has changed; of one that is gone, nothing unless that is allowed."""
        entity = ENTITIES[stream.name]
        path = self._files.get(entity.name)
        if path is None:
            yield from self._gone(entity)
            return
        with self._sheet(path, entity) as sheet:
            self._headers[entity.name] = sheet.header
            reading = Reading(entity, sheet, self._habits, self._context, self._settings.shrink)
            yield from reading.pages(cursor or {})

    def totals(self) -> Sequence[Total]:
        """The usable rows of each file, and their amounts."""
        self.open()
        there = [entity for entity in self._chosen() if entity.name in self._files]
        return [self._total(entity) for entity in there]

    def moved(self, stream: str, since: datetime) -> Movement:
        """Everything, where somebody has written to the file since; nothing of what the next read will refuse."""
        path = self._files.get(stream)
        if path is None or datetime.fromtimestamp(path.stat().st_mtime, UTC) < since:
            return Movement()
        total = self._total(ENTITIES[stream])
        here, there = self._context.known.live(total.entity), total.count or 0
        if here - there > may_go(here, there, self._settings.shrink):
            return Movement()
        count = max(there, here)
        return Movement(created=count, changed=count, deleted=count)

    def shape(self, streams: Collection[str]) -> Shape:
        """The columns of the files that were read, by their names there: those that we know or were told of."""
        return {name: self._shown(name, header) for name, header in self._headers.items() if name in streams}

    def close(self) -> None:
        """Nothing is held open."""

    # ------------------------------------------------------------------------------------------------- the folder

    @once
    def _files(self) -> Mapping[str, Path]:
        """The CSV files that are there, by name without suffix."""
        path = self._settings.path
        if path.is_file():
            return {path.stem.lower(): path}
        try:
            found = sorted(each for each in path.iterdir() if each.suffix.lower() == SUFFIX and each.is_file())
        except OSError as error:
            raise UnreachableError(
                f"{path}: {(error.strerror or str(error)).lower()}",
                reason="no_folder",
                hint="check `settings.path`; `dealmeter init --files FOLDER` makes a folder to begin with",
            ) from None
        by_name = {each.stem.lower(): each for each in found}
        double = [each.name for each in found if each not in by_name.values()]
        if double:
            raise ActionNeededError(
                f"{path} holds {' and '.join(double)} twice, in other letters", hint="keep one file per kind of record"
            )
        return by_name

    @property
    def _strangers(self) -> Mapping[str, str]:
        """CSV files that no entity is named after, each with the name that was probably meant."""
        strange = [each.stem for name, each in self._files.items() if name not in {*ENTITIES, ACCOUNT.name}]
        return {name: next(iter(get_close_matches(name.lower(), ENTITIES, 1)), "") for name in strange}

    def _chosen(self) -> Iterator[Entity]:
        wanted = set(self._settings.include or ENTITIES) - set(self._settings.exclude)
        return (entity for entity in ENTITIES.values() if entity.name in wanted)

    def _concerns(self, entity: Entity) -> bool:
        return entity.name in self._files or self._context.known.live(entity.record) > 0

    def _sheet(self, path: Path, entity: Entity) -> Sheet:
        own = self._settings.fields.get(entity.name, {})
        mapped = {theirs.strip(): ours for ours, theirs in own.items()}
        return Sheet(path, self._settings.encoding, entity.columns, mapped)

    def _shown(self, name: str, header: Collection[str]) -> Mapping[str, Shown]:
        mapped = self._settings.fields.get(name, {})
        columns = ENTITIES[name].columns
        return {mapped.get(ours, ours).strip(): Shown(type="column" if ours in header else "") for ours in columns}

    def _total(self, entity: Entity) -> Total:
        with self._sheet(self._files[entity.name], entity) as sheet:
            return total(entity, sheet, self._habits)

    def _gone(self, entity: Entity) -> Iterator[Page]:
        name, live = entity.name + SUFFIX, self._context.known.live(entity.record)
        if live and not self._context.allow_shrink:
            raise ShrunkError(
                f"{name} is no longer in {self._settings.path}; its {live:,} rows stay",
                hint="put it back; if it is really gone, run `dealmeter sync CONNECTION --allow-shrink`",
            )
        with Keys() as keys:
            yield from Vanished(entity, keys, self._context, self._settings.shrink).pages(name, {})

    def _obstacle(self, entity: Entity) -> str:
        path = self._files.get(entity.name)
        if path is None:
            return f"there is no {entity.name}{SUFFIX} any more; its rows stay"
        try:
            with self._sheet(path, entity) as sheet:
                Rows(sheet, entity, self._habits)
        except ConnectorError as error:
            return f"{error} ({error.hint})" if error.hint else str(error)
        return ""

    # ------------------------------------------------------------------------------------------------ the company

    @once
    def _account(self) -> Account:
        settings, told = self._settings, self._told
        return Account(
            id=told.id,
            kind="files",
            name=settings.name or told.name or settings.path.stem,
            base_currency=settings.currency or told.base_currency,
            time_zone=settings.time_zone or told.time_zone,
            fiscal_year_start=settings.fiscal_year_start or told.fiscal_year_start,
            week_start=settings.week_start or told.week_start,
            updated_at=None,
            deleted_at=None,
        )

    @once
    def _told(self) -> Account:
        """What `accounts.csv` says, if there is one. Only an id of its own makes it another company."""
        path = self._files.get(ACCOUNT.name)
        if path is None:
            return Account(id=ACCOUNT_ID)
        with self._sheet(path, ACCOUNT) as sheet:
            rows = Rows(sheet, ACCOUNT, Habits(zone=UTC))
            found = [rows.read(line) for line in sheet.rows()]
        refused = [rejection.reason for row in found for rejection in row.rejected]
        if refused or len(found) != 1 or not isinstance(found[0].record, Account):
            why = "; ".join(refused) or f"it has {len(found)} rows and should have one"
            raise ActionNeededError(f"{path.name} can't be used: {why}", hint="it has one row: the company itself")
        account = found[0].record
        return account if ID in sheet.header else account.model_copy(update={ID: ACCOUNT_ID})

    @once
    def _habits(self) -> Habits:
        settings, account = self._settings, self._account
        return Habits(
            decimal=settings.decimal,
            calendar=settings.calendar,
            zone=_zone(account.time_zone),
            currency=account.base_currency,
        )


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ActionNeededError(
            f"accounts.csv: {name!r} is no IANA time zone", hint="write a name such as Europe/Istanbul"
        ) from None


def _stranger(close: str) -> str:
    meant = f"did you mean {close}{SUFFIX}?" if close else f"there are {', '.join(ENTITIES)}"
    return f"no kind of record has this name; {meant}"
