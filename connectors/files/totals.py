"""A file's own totals: its usable rows, each once, and what their amounts come to."""

from decimal import Decimal
from itertools import islice

from connectors.errors import ConnectorError
from connectors.files.entities import Entity
from connectors.files.keys import Keys
from connectors.files.rows import Habits, Rows
from connectors.files.sheet import Sheet
from connectors.totals import Total

PAGE = 1000
AMOUNT = "amount"


def total(entity: Entity, sheet: Sheet, habits: Habits) -> Total:
    """The total of one file, read row by row."""
    count, amount = 0, Decimal(0)
    try:
        rows = Rows(sheet, entity, habits)
        lines = sheet.rows()
        with Keys() as keys:
            while block := [rows.read(line) for line in islice(lines, PAGE)]:
                double = keys.meet([(row.key, row.line) for row in block if row.key])
                for row in block:
                    if row.record is not None and row.line not in double:
                        count += 1
                        amount += getattr(row.record, AMOUNT, None) or 0
    except ConnectorError as error:
        return Total(stream=entity.name, entity=entity.record, count=None, why=str(error))
    sums = {AMOUNT: amount} if AMOUNT in entity.record.model_fields else {}
    return Total(stream=entity.name, entity=entity.record, count=count, sums=sums)
