"""`dealmeter discover`: what an account has, and a `fields:` map to paste."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dealmeter.cli.errors import OK, exit_code, gravest, tell, words
from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.opened import Connections, chosen, configured
from dealmeter.cli.signals import stopping
from dealmeter.cli.terminal import Terminal

if TYPE_CHECKING:
    from connectors.discovery import Discovery, FoundField, FoundObject, FoundPipeline


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "discover")
    def discover(
        invocation: Invocation,
        connections: Connections = None,
        all_fields: Annotated[
            bool, typer.Option("--all", help="Show every field, not only your own and those that we read.")
        ] = False,
    ) -> int:
        """List what a CRM has and propose a map of its fields.

        Objects, custom fields with how far they are filled, pipelines and stages; then a `fields:` map as YAML, to be
        pasted below the connection's `settings:`. Reads no records and writes nothing.
        """
        from connectors.discovery import Discoverer
        from connectors.errors import StoppedError
        from dealmeter.cli.connectors import connector, context

        settings = configured(invocation, connections=True)
        terminal = Terminal(invocation)
        codes, documents = [], []
        with stopping() as stop:
            for name in chosen(settings, connections or ()):
                try:
                    made = connector(settings, name)(context(invocation.clock, stop.event, terminal.say))
                    try:
                        found = made.discover() if isinstance(made, Discoverer) else None
                    finally:
                        made.close()
                except StoppedError:
                    break
                except Exception as error:  # told for this connection; the others are looked at all the same
                    terminal.show(f"{name}: failed")
                    terminal.complain(words(tell(error)))
                    codes.append(exit_code(error))
                    documents.append({"connection": name, "ok": False, **_told(error)})
                    continue
                codes.append(OK)
                documents.append(_document(name, found))
                _show(terminal, name, found, all_fields=all_fields)
        code = gravest([*codes, stop.exit_code])
        terminal.document("discover/1", {"exit_code": code, "connections": documents})
        return code


def _told(error: Exception) -> dict[str, str]:
    told = tell(error)
    return {"error": told.kind, "message": told.message, "hint": told.hint}


# ------------------------------------------------------------------------------------------------------ for people


def _show(terminal: Terminal, name: str, found: "Discovery | None", *, all_fields: bool) -> None:
    if found is None:
        terminal.show(f"{name}: this kind of CRM can't tell what it has")
        return
    for each in found.objects:
        _show_object(terminal, name, each, all_fields=all_fields)
    for pipeline in found.pipelines:
        _show_pipeline(terminal, pipeline)
    for note in found.notes:
        terminal.warn(f"{name}: {note}")
    terminal.show(*_proposal(name, found.fields()))


def _show_object(terminal: Terminal, name: str, found: "FoundObject", *, all_fields: bool) -> None:
    from dealmeter.show.table import table

    count = f", {found.count:,} records" if found.count is not None else ""
    custom = sum(field.is_custom for field in found.fields)
    terminal.show(f"{name}: {found.name}: {len(found.fields)} fields, {custom} of your own{count}")
    fields = [field for field in found.fields if all_fields or field.is_custom or field.fills]
    if fields:
        terminal.show(table(("  field", "label", "type", "filled", "fills"), [_field_row(each) for each in fields]))


def _field_row(field: "FoundField") -> tuple[str, ...]:
    filled = "" if field.filled is None else f"{field.filled:.0%}"
    return (f"  {field.name}", field.label, field.type, filled, field.fills)


def _show_pipeline(terminal: Terminal, pipeline: "FoundPipeline") -> None:
    from dealmeter.show.table import table

    terminal.show(f"pipeline {pipeline.name} ({pipeline.id})")
    rows = [
        (f"  {stage.name}", stage.id, "" if stage.probability is None else f"{stage.probability:.0%}", _end(stage))
        for stage in pipeline.stages
    ]
    terminal.show(table(("  stage", "id", "probability", "ends"), rows))


def _end(stage: Any) -> str:
    return ("won" if stage.is_won else "lost") if stage.is_closed else ""


def _proposal(name: str, fields: dict[str, dict[str, str]]) -> Sequence[str]:
    if not fields:
        return (f"{name}: no field of your own looks like one of ours that is empty; nothing to map",)
    import yaml

    text = yaml.safe_dump({"fields": fields}, allow_unicode=True, sort_keys=False).rstrip()
    head = f"{name}: we propose, to be checked and put below this connection's `settings:`"
    return (head, *(f"      {line}" for line in text.splitlines()))


# ----------------------------------------------------------------------------------------------------- for programs


def _document(name: str, found: "Discovery | None") -> dict[str, Any]:
    if found is None:
        return {"connection": name, "ok": True, "objects": None}
    return {
        "connection": name,
        "ok": True,
        "objects": [
            {
                "name": each.name,
                "count": each.count,
                "fields": [
                    {
                        "name": field.name,
                        "label": field.label,
                        "type": field.type,
                        "custom": field.is_custom,
                        "filled": field.filled,
                        "fills": field.fills or None,
                    }
                    for field in each.fields
                ],
            }
            for each in found.objects
        ],
        "pipelines": [
            {
                "id": pipeline.id,
                "name": pipeline.name,
                "stages": [
                    {
                        "id": stage.id,
                        "name": stage.name,
                        "probability": stage.probability,
                        "is_closed": stage.is_closed,
                        "is_won": stage.is_won,
                    }
                    for stage in pipeline.stages
                ],
            }
            for pipeline in found.pipelines
        ],
        "proposed": {"fields": found.fields()},
        "notes": list(found.notes),
    }
