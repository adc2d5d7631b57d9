"""`dealmeter notify`: do the ways by which people are told work?"""

import typer

from dealmeter.cli.invocation import Invocation, command, group
from dealmeter.cli.opened import configured
from dealmeter.cli.terminal import Terminal
from dealmeter.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    commands = group("Who is told what can't mend itself: try it out.")
    app.add_typer(commands, name="notify")

    @command(commands, "test")
    def test(invocation: Invocation) -> int:
        """Send a word by each channel of the configuration.

        Leaves with 1 where one of them doesn't take it.
        """
        from dealmeter.cli.errors import HANDLED, OK
        from dealmeter.notify.channels import UndeliveredError, sender
        from dealmeter.notify.news import News

        settings = configured(invocation, connections=True)
        channels = settings.config.notifications
        if not channels:
            raise UsageError(
                f"{settings.path} has no notifications", hint="add some; config.example.yaml shows how, or leave it"
            )
        terminal, now, results = Terminal(invocation), invocation.clock.now(), []
        news = News(
            id=f"dealmeter-test-{now:%Y%m%d%H%M%S}", connection="", kind="recovered", at=now, title="dealmeter: a test"
        )
        for channel in channels:
            name = channel.name or channel.type
            try:
                sender(channel)(news)
                said = ""
            except UndeliveredError as error:
                said = str(error)
            results.append({"channel": name, "ok": not said, "message": said})
            terminal.show(f"{name}: {said or 'sent'}")
        terminal.document("notify-test/1", {"channels": results})
        return OK if all(result["ok"] for result in results) else HANDLED
