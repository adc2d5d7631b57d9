"""What is wrong with a query, in Salesforce's form: a piece of it, a caret, row and column, and a sentence."""

from dealmeter.sandbox.salesforce.errors import RefusedError

_AROUND = 30
_REFERENCE = "Please reference your WSDL or the describe call for the appropriate names."


def pointed(code: str, query: str, at: int, sentence: str) -> RefusedError:
    line = query.count("\n", 0, at) + 1
    start_of_line = query.rfind("\n", 0, at) + 1
    start = max(start_of_line, at - _AROUND)
    end = query.find("\n", at)
    piece = query[start : min(end if end >= 0 else len(query), at + _AROUND)]
    column = at - start_of_line + 1
    caret = " " * (at - start) + "^"
    return RefusedError(400, code, f"\n{piece}\n{caret}\nERROR at Row:{line}:Column:{column}\n{sentence}")


def unexpected(query: str, at: int, token: str) -> RefusedError:
    shown = f"unexpected token: '{token}'" if token else "unexpected token: '<EOF>'"
    return pointed("MALFORMED_QUERY", query, min(at, max(len(query) - 1, 0)), shown)


def no_such_column(query: str, at: int, name: str, entity: str) -> RefusedError:
    return pointed(
        "INVALID_FIELD",
        query,
        at,
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to append "
        f"the '__c' after the custom field name. {_REFERENCE}",
    )


def no_such_relationship(query: str, at: int, name: str) -> RefusedError:
    return pointed(
        "INVALID_FIELD",
        query,
        at,
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, "
        f"be sure to append the '__r' after the custom relationship name. {_REFERENCE}",
    )


def no_such_type(query: str, at: int, name: str) -> RefusedError:
    return pointed(
        "INVALID_TYPE",
        query,
        at,
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the "
        f"'__c' after the entity name. {_REFERENCE}",
    )


def field_refused(query: str, at: int, sentence: str) -> RefusedError:
    return pointed("INVALID_FIELD", query, at, sentence)
