"""`dealmeter sandbox`: a fake CRM on loopback, to try things against."""

from pathlib import Path
from typing import Annotated

import typer

from dealmeter.cli.invocation import Invocation, command, group

Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 finds a free port.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same company.")]
Contacts = Annotated[
    int | None, typer.Option("--contacts", min=0, help="How many contacts; as many as deals unless given.")
]
Data = Annotated[
    Path | None, typer.Option("--data", help="A folder of CSV files to serve instead of an invented company.")
]
Latency = Annotated[int, typer.Option("--latency-ms", min=0, help="Delay of every answer.")]
FaultRate = Annotated[float, typer.Option("--fault-rate", min=0, max=1, help="Share of requests that go wrong.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = group("Serve a fake CRM on loopback, to try things against.")
    app.add_typer(commands, name="sandbox")

    @command(commands, "hubspot")
    def hubspot(
        invocation: Invocation,
        port: Port = 0,
        seed: Seed = 7,
        deals: Annotated[int, typer.Option("--deals", min=1, help="How many deals it has.")] = 400,
        contacts: Contacts = None,
        data: Data = None,
        latency_ms: Latency = 0,
        rate_limit: Annotated[bool, typer.Option("--rate-limit", help="Enforce HubSpot's rate limits.")] = False,
        fault_rate: FaultRate = 0.0,
        search_lag_s: Annotated[
            float, typer.Option("--search-lag-s", min=0, help="Seconds for which search doesn't know of a change.")
        ] = 0.0,
    ) -> int:
        """Serve a fake HubSpot account until Ctrl-C.

        Its access token is `sandbox-token`; set the connection's `base_url` to the address that is printed.
        """
        from dealmeter.sandbox.serve import Options, serve_forever

        return serve_forever(
            Options(
                port=port,
                seed=seed,
                deals=deals,
                contacts=contacts,
                data=data,
                latency_ms=latency_ms,
                rate_limit=rate_limit,
                fault_rate=fault_rate,
                search_lag_s=search_lag_s,
            )
        )

    @command(commands, "salesforce")
    def salesforce(
        invocation: Invocation,
        port: Port = 0,
        seed: Seed = 7,
        deals: Annotated[int, typer.Option("--deals", min=1, help="How many opportunities it has.")] = 400,
        contacts: Contacts = None,
        data: Data = None,
        latency_ms: Latency = 0,
        rate_limit: Annotated[
            bool, typer.Option("--rate-limit", help="Enforce the daily calls of a small Salesforce org.")
        ] = False,
        fault_rate: FaultRate = 0.0,
    ) -> int:
        """Serve a fake Salesforce org until Ctrl-C.

        It prints its address, to be the connection's `base_url`, and what opens it.
        """
        from dealmeter.sandbox.serve import Options, serve_forever

        return serve_forever(
            Options(
                vendor="salesforce",
                port=port,
                seed=seed,
                deals=deals,
                contacts=contacts,
                data=data,
                latency_ms=latency_ms,
                rate_limit=rate_limit,
                fault_rate=fault_rate,
            )
        )
