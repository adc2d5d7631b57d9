"""Properties that every HubSpot object has."""

from dealmeter.sandbox.hubspot.kinds import BY_KIND
from dealmeter.sandbox.hubspot.property import Property, Reader, calculated, iso, owner_property
from dealmeter.sandbox.record import Kind, Record
from dealmeter.sandbox.world import World


def common_properties(world: World, kind: Kind) -> list[Property]:
    of = BY_KIND[kind]
    found = [
        calculated("hs_object_id", "number", lambda record: str(record.id), label="Record ID"),
        calculated(of.created, "datetime", lambda record: iso(record.created), label="Create Date"),
        calculated(of.modified, "datetime", lambda record: iso(record.modified), label="Last Modified Date"),
        calculated("hs_merged_object_ids", "enumeration", _merged),
        calculated("hs_object_source_label", "enumeration", lambda record: "CRM_UI"),
        calculated("hs_all_owner_ids", "enumeration", lambda record: _text(record, "owner")),
        calculated("hubspot_team_id", "enumeration", _team(world)),
        owner_property(),
        calculated("hubspot_owner_assigneddate", "datetime", _assigned),
    ]
    if of.created != "hs_createdate":
        found.append(calculated("hs_createdate", "datetime", lambda record: iso(record.created)))
    return found


def _assigned(record: Record) -> str | None:
    known = record.fields.get("assigned_at")
    changes = record.changes("owner")
    return iso(known) if isinstance(known, int) else iso(changes[-1].at) if changes else None


def _merged(record: Record) -> str | None:
    return ";".join(map(str, record.merged)) or None


def _team(world: World) -> Reader:
    def team(record: Record) -> str | None:
        owner = world.owners.get(int(record.fields.get("owner") or 0))
        return str(owner.team.id) if owner and owner.team else None

    return team


def _text(record: Record, field: str) -> str | None:
    value = record.fields.get(field)
    return None if value is None else str(value)


def count_links(world: World, kind: Kind, to: Kind) -> Reader:
    """How many records of another kind are linked: changes without anybody editing the record."""

    def count(record: Record) -> str | None:
        return str(len(world.linked(kind, record.id, to)))

    return count
