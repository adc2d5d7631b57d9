"""A field of a Salesforce object type: how it is described and how to read it from a row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from dealmeter.sandbox.record import Value

Read = Callable[[Any], Any]
Store = Callable[[Any], dict[str, Value]]
TEXTS = frozenset(
    (
        "string",
        "picklist",
        "multipicklist",
        "textarea",
        "email",
        "phone",
        "url",
        "combobox",
        "id",
        "reference",
        "anyType",
    )
)
NUMBERS = frozenset(("int", "double", "currency", "percent", "long"))
COMPOUND = frozenset(("address", "location"))
SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "anyType": "xsd:anyType",
}
LENGTHS = {
    "id": 18,
    "reference": 18,
    "string": 255,
    "picklist": 255,
    "textarea": 32_000,
    "email": 80,
    "phone": 40,
    "url": 255,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`relationship` is how a query goes through a reference: `Owner` for `OwnerId`. `store` says what the world
    keeps when somebody writes into the field.
    """

    name: str
    type: str
    read: Read
    label: str
    references: tuple[str, ...] = ()
    relationship: str | None = None
    picklist: Callable[[], Iterable[str]] = tuple
    nillable: bool = True
    filterable: bool = True
    sortable: bool = True
    calculated: bool = False
    formula: str | None = None
    compound: str | None = None
    store: Store | None = None
    scale: int = 2
    since: float = 0.0

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def groupable(self) -> bool:
        return self.filterable and self.type not in ("textarea", "double", "currency", "percent", "datetime", "anyType")

    def of_type(self, type: str) -> "Field":
        return replace(self, type=type)

    def describe(self) -> dict[str, Any]:
        """The field as describe shows it."""
        number = self.type in NUMBERS
        return {
            "aggregatable": self.filterable,
            "autoNumber": False,
            "byteLength": 3 * LENGTHS.get(self.type, 0),
            "calculated": self.calculated,
            "calculatedFormula": self.formula,
            "compoundFieldName": self.compound,
            "createable": not self.calculated,
            "custom": self.custom,
            "defaultedOnCreate": self.type == "boolean",
            "deprecatedAndHidden": False,
            "digits": 9 if self.type == "int" else 0,
            "filterable": self.filterable,
            "groupable": self.groupable,
            "idLookup": self.type == "id",
            "label": self.label,
            "length": LENGTHS.get(self.type, 0),
            "name": self.name,
            "nameField": self.name == "Name",
            "nillable": self.nillable,
            "permissionable": self.nillable,
            "picklistValues": [_choice(value) for value in self.picklist()],
            "precision": 18 if number and self.type != "int" else 0,
            "polymorphicForeignKey": len(self.references) > 1,
            "referenceTo": list(self.references),
            "relationshipName": self.relationship,
            "restrictedPicklist": False,
            "scale": self.scale if number and self.type != "int" else 0,
            "soapType": SOAP.get(self.type, "xsd:string"),
            "sortable": self.sortable,
            "type": self.type,
            "unique": self.type == "id",
            "updateable": not self.calculated,
        }


def _choice(value: str) -> dict[str, Any]:
    return {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}


def field(name: str, type: str = "string", read: Read | None = None, **more: Any) -> Field:
    """A field; without `read` the row is a mapping that has it under its own name."""
    if type in COMPOUND:
        more = {"filterable": False, "sortable": False, **more}
    if type in ("textarea", "anyType"):
        more = {"filterable": False, "sortable": False, **more}
    if type == "boolean":
        more = {"nillable": False, **more}
    return Field(name=name, type=type, read=read or itemgetter(name), label=more.pop("label", labelled(name)), **more)


def reference(
    name: str, to: str | tuple[str, ...], read: Read | None = None, relationship: str | None = None, **more: Any
) -> Field:
    """A field with another row's id."""
    targets = (to,) if isinstance(to, str) else to
    via = relationship if relationship is not None else name.removesuffix("Id")
    return field(name, "reference", read, references=targets, relationship=via, **more)


def labelled(name: str) -> str:
    """`LastModifiedDate` becomes `Last Modified Date`."""
    bare = name.removesuffix("__c").replace("_", " ")
    spaced = "".join(f" {char}" if char.isupper() and place else char for place, char in enumerate(bare))
    return " ".join(spaced.split())
