"""Record: a validated statement about one CRM object, in no vendor's words."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel
from sqlmodel import SQLModel
from sqlmodel._compat import SQLModelConfig

from store.columns import Instant, instant, json, key


class Statement(SQLModel):
    """What every record shares: frozen, no unknown fields, and a table whose name is the entity's in the plural.

    A record states only the fields that were given to it (`model_fields_set`). One that does not give `updated_at`
    is partial: it amends a row that is already known and never makes a new one.
    """

    model_config = SQLModelConfig(frozen=True, extra="forbid")
    table: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("id",)

    def __init__(self, **values: Any) -> None:
        """Validate the fields. pydantic's own constructor: SQLModel's costs three times as much for nothing here."""
        BaseModel.__init__(self, **values)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # so that `of` need not call it

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """A bare object: SQLModel's own prepares a table row, which a record is not."""
        return object.__new__(cls)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """A validated record out of many fields; five times as fast as the constructor. Raises ValidationError."""
        return cast(Self, cls.__pydantic_validator__.validate_python(values))


class Record(Statement):
    """A CRM object with an id of its own. All instants are UTC.

    `id` is the CRM's id as text; `created_at` and `updated_at` are the source's; `deleted_at` makes a tombstone;
    `merged_into_id` names the survivor of a merge; `extra` holds mapped custom fields.
    """

    id: str = key()
    created_at: Instant | None = instant()
    updated_at: Instant | None = instant()
    deleted_at: Instant | None = instant()
    merged_into_id: str | None = None
    source_url: str | None = None
    extra: dict[str, Any] | None = json()


class Detail(Statement):
    """A link or a change that has no id in the CRM: known by what it ties together. Tombstoned like a record."""

    deleted_at: Instant | None = instant()
