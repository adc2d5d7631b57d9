"""Objects: reads HubSpot's objects of one kind by id or by list, with their links, as parts of a page."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

from connectors.base import Children, Cursor, Merge, Meter, Page
from connectors.errors import UnreachableError
from connectors.hubspot.client import Client, Json
from connectors.hubspot.kind import Kind
from connectors.hubspot.links import Links
from connectors.hubspot.paging import pages, results
from connectors.hubspot.refusals import NotThereError
from connectors.hubspot.translate import Translation, Translator, records
from store.records import Record

LIST_PAGE = 100
BATCH = 100
BATCH_WITH_HISTORY = 50
LONGEST_NAMES = 3000
"""Characters of property names that we put into an address; some servers cut addresses at 4,000 or 5,000."""
BLOCK = 500
"""How many records make a page of ours: enough to make association reads cheap, few enough to keep memory flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What some ids turned out to be: objects; ids without one of their own (`missing`); and of these, the ids that
    HubSpot says it doesn't have any more (`gone`). The others were merged into an object that answers."""

    raws: Sequence[Json]
    missing: frozenset[str]
    gone: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The objects of one kind in one account. `there` tells which properties the account really has."""

    client: Client
    kind: Kind
    translator: Translator
    asked: tuple[str, ...]
    configured: tuple[str, ...] = ()
    there: Callable[[], frozenset[str]]
    links: Links
    meter: Meter
    pool: Executor
    keep_payload: bool = False

    @property
    def wanted(self) -> tuple[str, ...]:
        """The properties to ask for: HubSpot would drop others from its answer without a word."""
        there = self.there()
        return tuple(name for name in self.asked if name in there)

    def gaps(self) -> list[str]:
        """Configured properties that the account doesn't have, for people."""
        there = self.there()
        return [
            f"{self.kind.name}: this account has no property {name!r} (or the token may not see it); "
            "what comes from it stays as it was"
            for name in self.configured
            if name not in there
        ]

    @property
    def shape(self) -> str:
        """Changes when other properties are asked for, or with another meaning: then everything is read again."""
        said = repr((sorted(self.asked), sorted(self.translator.fields.items()), self.translator.extra))
        return blake2b(said.encode(), digest_size=6).hexdigest()

    @property
    def is_wide(self) -> bool:
        """Whether a list can't give whole records: with their history, or with too many names for an address."""
        return bool(self.kind.history) or len(",".join(self.asked)) > LONGEST_NAMES

    # ------------------------------------------------------------------------------------------------ reading

    def listed(
        self, *, after: str | None, properties: Sequence[str], archived: bool = False
    ) -> Iterator[tuple[list[Json], str | None]]:
        """HubSpot's list, page by page, each with where the next one begins (None: that was the last)."""
        query: list[tuple[str, Any]] = [("limit", LIST_PAGE), ("archived", "true" if archived else "false")]
        query.append(("properties", ",".join(properties)))
        path = self.client.paths.objects(self.kind.path)
        yield from pages(self.client, path, query, self.meter, after=after)

    def by_id(self, ids: Sequence[str], *, history: bool, archived: bool = False) -> Read:
        """The objects of these HubSpot ids, read side by side. Unknown ids are `missing`; merged ones answer too."""
        history = history and bool(self.kind.history)
        size = BATCH_WITH_HISTORY if history else BATCH
        groups = [ids[i : i + size] for i in range(0, len(ids), size)]
        answers = list(self.pool.map(partial(self._batch, history=history, archived=archived), groups))
        raws = {str(raw["id"]): raw for found, _ in answers for raw in found}
        gone = {id_ for _, unknown in answers for id_ in unknown}
        missing = frozenset(ids) - set(raws)
        if missing - gone and set(raws) <= set(ids):  # neither answered, nor merged, nor refused
            for id_ in sorted(missing - gone):
                raw = self._one(id_, history=history)
                if raw is None:
                    gone.add(id_)
                else:
                    raws[str(raw["id"])] = raw
            missing = frozenset(ids) - set(raws)
        return Read(raws=list(raws.values()), missing=missing, gone=missing & gone)

    def _one(self, id_: str, *, history: bool) -> Json | None:
        query = [("properties", ",".join(self.wanted))]
        if history:
            query.append(("propertiesWithHistory", ",".join(name for name in self.kind.history if name in self.wanted)))
        try:
            return self.client.get(f"{self.client.paths.objects(self.kind.path)}/{id_}", query, self.meter)
        except NotThereError:
            return None

    def _batch(self, ids: Sequence[str], *, history: bool, archived: bool) -> tuple[list[Json], set[str]]:
        wanted = self.wanted
        body: dict[str, Any] = {"properties": list(wanted), "inputs": [{"id": id_} for id_ in ids]}
        body["propertiesWithHistory"] = [name for name in self.kind.history if name in wanted] if history else []
        path = self.client.paths.batch(self.kind.path)
        answer = self.client.post(path, body, self.meter, [("archived", "true")] if archived else ())
        return results(answer, path), unknown_ids(answer, path)

    # -------------------------------------------------------------------------------------------------- pages

    def page(
        self,
        raws: Iterable[Json],
        *,
        cursor: Cursor,
        read_at: datetime,
        link: bool = True,
        **more: Any,
    ) -> Page:
        """A page of ours out of HubSpot's objects, with the links that belong to them."""
        translation = self.translator.translate(raws)
        children = self._link(translation) if link else ()
        made = records(self.kind, translation)
        gone = [id_ for id_, raw in translation.raw.items() if raw.get("archived")]
        made += self.twins(gone, read_at)
        more.setdefault("notes", [*self.gaps(), *self.links.gaps()])
        merges = self.with_twins((*more.pop("merges", ()), *translation.merges))
        return Page(
            cursor=cursor,
            read_at=read_at,
            read=len(translation.raw),
            records=[*made, *translation.details],
            children=children,
            merges=merges,
            rejected=translation.rejected,
            payloads=translation.raw if self.keep_payload else {},
            **more,
        )

    def tombstones(self, ids: Iterable[str], at: datetime) -> list[Record]:
        """What is left of objects that are gone, by HubSpot's ids."""
        ours = [self.kind.prefix + id_ for id_ in ids]
        return [*(self.kind.record(id=id_, deleted_at=at) for id_ in ours), *self.twins(ours, at)]

    def twins(self, ids: Iterable[str], at: datetime) -> list[Record]:
        """The tombstones that go with some of our ids in the other table that this kind speaks of."""
        twin, prefix = self.kind.twin_record, self.kind.twin_prefix
        return [twin(id=prefix + self.bare(id_), deleted_at=at) for id_ in ids] if twin is not None else []

    def with_twins(self, merges: Sequence[Merge]) -> list[Merge]:
        """The merges, and what they mean for the other table that this kind speaks of."""
        twin, prefix = self.kind.twin_record, self.kind.twin_prefix
        if twin is None:
            return list(merges)
        others = [
            Merge(entity=twin, old_id=prefix + self.bare(one.old_id), id=prefix + self.bare(one.id)) for one in merges
        ]
        return [*merges, *others]

    def _link(self, translation: Translation) -> list[Children]:
        live = [str(raw["id"]) for raw in translation.raw.values() if not raw.get("archived")]
        linked = self.links.read(live, self.meter, self.pool)
        for id_, fields in linked.fields.items():
            translation.values[id_].update(fields)
        return linked.children

    def linked(self, ids: Sequence[str]) -> tuple[list[Any], list[Children]]:
        """The links of records that we know, as partial records and details."""
        linked = self.links.read(ids, self.meter, self.pool)
        partial_records = [self.kind.record(id=id_, **fields) for id_, fields in linked.fields.items() if fields]
        return partial_records, linked.children

    def bare(self, id_: str) -> str:
        """HubSpot's id out of ours."""
        return id_.removeprefix(self.kind.prefix)

    def merged(self, asked: frozenset[str], found: Sequence[Json]) -> list[Merge]:
        """Which of the ids that we asked for are merged into which of the objects that answered."""
        merges: list[Merge] = []
        for raw in found:
            former = set((raw["properties"].get("hs_merged_object_ids") or "").split(";"))
            merges += [self._merge(old, raw) for old in sorted(asked & former)]
        left = asked - {self.bare(merge.old_id) for merge in merges}
        if left and not merges and any(str(raw["id"]) not in asked for raw in found):
            merges += [self._merge(old, raw) for old in sorted(left) for raw in self.by_id([old], history=False).raws]
        return merges

    def _merge(self, old: str, raw: Json) -> Merge:
        prefix = self.kind.prefix
        return Merge(entity=self.kind.record, old_id=prefix + old, id=prefix + str(raw["id"]))


def unknown_ids(answer: Mapping[str, Any], path: str) -> set[str]:
    """The ids that HubSpot says it doesn't have. Raises UnreachableError for any other trouble within an answer."""
    unknown: set[str] = set()
    for error in answer.get("errors") or ():
        if error.get("category") != "OBJECT_NOT_FOUND":
            raise UnreachableError(
                f"HubSpot answered only a part of {path}: {error.get('message') or error.get('category')}",
                reason="partial_answer",
                hint="no action needed: nothing was skipped, the next run reads it again",
            )
        unknown.update(str(id_) for id_ in (error.get("context") or {}).get("ids") or ())
    return unknown
