"""`dealmeter init`: a configuration to begin with."""

import os
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
    "salesforce": """\
  - name: salesforce-main
    crm: salesforce
    schedule: {every: 15m, jitter: 30s}
    settings:
      auth: client_credentials
      login_url: https://your-domain.my.salesforce.com # Setup > My Domain; a sandbox's has .sandbox. in it
      consumer_key: "${SALESFORCE_CONSUMER_KEY}" # from the environment or from .env beside this file
      consumer_secret: "${SALESFORCE_CONSUMER_SECRET}"
""",
}
VARIABLES = {
    "hubspot": """\
# A HubSpot service key, or the token of a private app, with read scopes only:
# crm.objects.owners.read crm.objects.deals.read crm.objects.contacts.read crm.objects.companies.read
# crm.objects.products.read crm.objects.line_items.read sales-email-read (activities)
HUBSPOT_TOKEN=
""",
    "salesforce": """\
# The consumer key and secret of an External Client App with the client credentials flow, in the OAuth scope `api`
# (Setup > External Client App Manager > the app > Settings > OAuth Settings). It acts as its "Run As" user, who needs:
# API Enabled, View Setup and Configuration, and View All Data (or Read and View All on each object that is read).
SALESFORCE_CONSUMER_KEY=
SALESFORCE_CONSUMER_SECRET=
""",
}
FILL_IN = {
    "hubspot": ("put the token in it", ()),
    "salesforce": ("put the consumer key and secret in it", ("set login_url in {path} to your org's My Domain",)),
}
"""What is to be put into .env, and what else is to be done before the first check."""
ENV_HEAD = """\
# Copy this file to .env, fill it in, and let only its owner read it: chmod 600 .env
# What the environment says wins over .env.

# Where everything is kept; a SQLite file beside dealmeter.yaml unless you say otherwise.
#DEALMETER_DATABASE_URL=postgresql://USER:PASSWORD@HOST/DATABASE

"""


FOLDER = "data"
FILES_HELP = "Begin with CSV files instead of a CRM: an example of each, in FOLDER."
ADD = """\
  - name: files
    crm: files
    schedule: {{every: 15m, jitter: 30s}}
    settings:
      path: "{folder}" # one CSV file per kind of record; its README.md describes every column
"""


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @command(app, "init")
    def init(
        invocation: Invocation,
        folder: Annotated[
            Path | None, typer.Argument(metavar="[FOLDER]", help=f"With --files: where they go; {FOLDER} unless given.")
        ] = None,
        crm: Annotated[
            str, typer.Option("--crm", help=f"Which CRM: {', '.join(CONNECTIONS)}; files is --files.")
        ] = "hubspot",
        files: Annotated[bool, typer.Option("--files", help=FILES_HELP)] = False,
        force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    ) -> None:
        """Write dealmeter.yaml and .env.example to begin with."""
        terminal, path = Terminal(invocation), invocation.config or Path(FILE)
        if files or crm == "files":
            _begin_with_files(terminal, path, folder or path.parent / FOLDER, force=force)
            return
        if folder is not None:
            raise UsageError(
                f"what is {folder} for?", hint="a FOLDER goes with --files: `dealmeter init --files FOLDER`"
            )
        if crm not in CONNECTIONS:
            raise UsageError(f"there is no CRM {crm!r} to begin with", hint=f"there are: {', '.join(CONNECTIONS)}")
        example = path.parent / EXAMPLE
        _write({path: HEAD + CONNECTIONS[crm], example: ENV_HEAD + VARIABLES[crm]}, force=force)
        secret, more = FILL_IN[crm]
        then = [f"cp {example} {path.parent / '.env'} && chmod 600 {path.parent / '.env'}   # then {secret}"]
        then += [line.format(path=path) for line in more]
        then += [_with_config(f"dealmeter {verb}", path) for verb in ("check", "discover", "sync")]
        terminal.show(f"wrote {path} and {example}", "next:", *(f"  {line}" for line in then))
        terminal.document("init/1", {"files": [str(path), str(example)], "next": then})


def _begin_with_files(terminal: Terminal, path: Path, folder: Path, *, force: bool) -> None:
    """The folder with its examples; the connection in a new configuration, or to be added to the one that is there."""
    from connectors.files.guide import folder as contents

    named = Path(os.path.relpath(folder, path.parent)) if not folder.is_absolute() else folder
    connection, is_new = ADD.format(folder=named.as_posix()), force or not path.exists()
    files = {folder / name: text for name, text in contents().items()}
    if is_new:
        files[path] = HEAD + connection
    folder.mkdir(parents=True, exist_ok=True)
    _write(files, force=force)
    then = [f"put your rows into {folder} in place of the examples; {folder / 'README.md'} describes every column"]
    if not is_new:
        then.append(f"add this to {path}, below `connections:`")
    then += [_with_config("dealmeter check", path), _with_config("dealmeter sync", path)]
    told = f"wrote {len(contents())} files into {folder}" + (f", and {path}" if is_new else "")
    terminal.show(told, "next:", *(f"  {line}" for line in then))
    if not is_new:
        terminal.show("", *connection.splitlines())
    terminal.document("init/1", {"files": [str(name) for name in files], "next": then, "connection": connection})


def _with_config(words: str, path: Path) -> str:
    return words if path == Path(FILE) else f"{words} --config {path}"


def _write(files: dict[Path, str], *, force: bool) -> None:
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        shown = ", ".join(there[:3]) + (f" and {len(there) - 3} more" if len(there) > 3 else "")
        raise UsageError(f"{shown} exist already" if len(there) > 1 else f"{shown} exists already",
                         hint="use --force to overwrite, or work in another folder")  # fmt: skip
    for path, text in files.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{path} can't be written: {error.strerror}", hint="check the folder and its permissions"
            ) from None
