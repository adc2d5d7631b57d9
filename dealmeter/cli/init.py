"""`dealmeter init`: a configuration to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from dealmeter.cli.invocation import Invocation, command
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError

FILE = "dealmeter.yaml"
EXAMPLE = ".env.example"
HEAD = """\
# What dealmeter reads, and where it keeps it. config.example.yaml explains every option;
# `dealmeter config check` tells what is wrong with this file, `dealmeter config show` what is in force.
version: 1

database:
  url: "${DEALMETER_DATABASE_URL:-sqlite:///dealmeter.db}"

connections:
"""
CONNECTIONS = {
    "hubspot": """\
  - name: hubspot-main
    crm: hubspot
    schedule: {every: 15m, jitter: 30s}
    settings:
      access_token: "${HUBSPOT_TOKEN}" # from the environment or from .env beside this file
""",
}
VARIABLES = {
    "hubspot": """\
# A HubSpot service key, or the token of a private app, with read scopes only:
# crm.objects.owners.read crm.objects.deals.read crm.objects.contacts.read crm.objects.companies.read
# crm.objects.products.read crm.objects.line_items.read sales-email-read (activities)
HUBSPOT_TOKEN=
""",
}
ENV_HEAD = """\
# Copy this file to .env, fill it in, and let only its owner read it: chmod 600 .env
# What the environment says wins over .env.

# Where everything is kept; a SQLite file beside dealmeter.yaml unless you say otherwise.
#DEALMETER_DATABASE_URL=postgresql://USER:PASSWORD@HOST/DATABASE

"""


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "init")
    def init(
        invocation: Invocation,
        crm: Annotated[str, typer.Option("--crm", help=f"Which CRM: {', '.join(CONNECTIONS)}.")] = "hubspot",
        force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    ) -> None:
        """Write dealmeter.yaml and .env.example to begin with."""
        if crm not in CONNECTIONS:
            raise UsageError(f"there is no CRM {crm!r} to begin with", hint=f"there are: {', '.join(CONNECTIONS)}")
        path = invocation.config or Path(FILE)
        example = path.parent / EXAMPLE
        _write({path: HEAD + CONNECTIONS[crm], example: ENV_HEAD + VARIABLES[crm]}, force=force)
        terminal = Terminal(invocation)
        then = [f"cp {example} {path.parent / '.env'} && chmod 600 {path.parent / '.env'}   # then put the token in it"]
        then.append("dealmeter check" if path == Path(FILE) else f"dealmeter check --config {path}")
        terminal.show(f"wrote {path} and {example}", "next:", *(f"  {line}" for line in then))
        terminal.document("init/1", {"files": [str(path), str(example)], "next": then})


def _write(files: dict[Path, str], *, force: bool) -> None:
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise UsageError(f"{' and '.join(there)} exist already" if len(there) > 1 else f"{there[0]} exists already",
                         hint="use --force to overwrite, or work in another folder")  # fmt: skip
    for path, text in files.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{path} can't be written: {error.strerror}", hint="check the folder and its permissions"
            ) from None
