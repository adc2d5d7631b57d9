"""Who is told, of what, and by which way: `notifications` in the configuration."""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from dealmeter.config.addresses import insist_on_tls, is_this_machine

Kind = Literal[
    "failed", "recovered", "repeated", "stale", "action_needed", "contradiction", "difference", "schema_changed"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class _Channel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="", description="how the channel is called in logs; its type unless given")
    kinds: tuple[Kind, ...] = Field(default=KINDS, description="which news it gets")
    connections: tuple[str, ...] = Field(default=(), description="only news of these; empty: of all")


class SlackSettings(_Channel):
    """An incoming webhook of Slack, or of a program that takes the same (Mattermost)."""

    type: Literal["slack"]
    url: SecretStr = Field(description="the webhook's address, which is a secret")

    _tls = field_validator("url")(insist_on_tls)


class WebhookSettings(_Channel):
    """A program of yours: JSON, signed with HMAC-SHA256 where there is a secret."""

    type: Literal["webhook"]
    url: SecretStr = Field(description="where to POST")
    secret: SecretStr | None = Field(default=None, description="the key of the signature")

    _tls = field_validator("url")(insist_on_tls)


class TelegramSettings(_Channel):
    """A bot of Telegram that writes to a chat."""

    type: Literal["telegram"]
    token: SecretStr = Field(description="the bot's token")
    chat: str = Field(description="the id of the chat")
    base_url: str = Field(default="https://api.telegram.org", description="for proxies")

    _tls = field_validator("base_url")(insist_on_tls)


class EmailSettings(_Channel):
    """A mail server."""

    type: Literal["email"]
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="`none` only to loopback")
    user: str | None = None
    password: SecretStr | None = None
    sender: str = Field(description="the address that mails come from")
    to: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.security == "none" and not is_this_machine(self.host):
            raise ValueError("`security: none` is for a mail server on this machine only; use starttls or tls")
        return self


CHANNELS: dict[str, type[BaseModel]] = {
    "slack": SlackSettings,
    "webhook": WebhookSettings,
    "telegram": TelegramSettings,
    "email": EmailSettings,
}
ChannelSettings = Annotated[
    SlackSettings | WebhookSettings | TelegramSettings | EmailSettings, Field(discriminator="type")
]
