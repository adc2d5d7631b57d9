"""The ways by which news travels. Each takes it or raises UndeliveredError."""

import hashlib
import hmac
import smtplib
import ssl
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

import orjson
import requests

from connectors.certificates import REQUESTS_TRUSTS, untrusted
from connectors.errors import ProxyRefusedError
from connectors.proxies import for_requests, trouble
from dealmeter.config.channels import (
    ChannelSettings,
    EmailSettings,
    SlackSettings,
    TelegramSettings,
    WebhookSettings,
)
from dealmeter.notify.news import News

TIMEOUT_S = (5.0, 15.0)


class UndeliveredError(Exception):
    """A channel did not take the news. The text holds no secret, and of addresses no more than the host."""


Send = Callable[[News], None]


def sender(settings: ChannelSettings) -> Send:
    """What sends news by this channel."""
    made = MAKERS[type(settings)]
    return lambda news: made(settings, news)


def _slack(settings: SlackSettings, news: News) -> None:
    text = news.lines.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    _post(settings.url.get_secret_value(), {"text": text})


def _telegram(settings: TelegramSettings, news: News) -> None:
    base = settings.base_url.rstrip("/")
    url = f"{base}/bot{settings.token.get_secret_value()}/sendMessage"
    _post(url, {"chat_id": settings.chat, "text": news.lines, "disable_web_page_preview": True})


def _webhook(settings: WebhookSettings, news: News) -> None:
    """The signature is of the body alone: `sha256=` and the HMAC in hex, as GitHub's webhooks have it."""
    headers = {"Idempotency-Key": news.id}
    body = orjson.dumps(news.document)
    if settings.secret is not None:
        made = hmac.new(settings.secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
        headers["X-Dealmeter-Signature"] = f"sha256={made}"
    _post(settings.url.get_secret_value(), body, headers)


def _post(url: str, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None) -> None:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    try:
        answer = requests.post(
            url,
            data=data,
            headers={"Content-Type": "application/json", "User-Agent": "dealmeter", **(headers or {})},
            timeout=TIMEOUT_S,
            allow_redirects=False,
            proxies=for_requests(url),
        )
    except ProxyRefusedError as error:
        raise UndeliveredError(f"{error}; {error.hint}") from None
    except requests.RequestException as error:
        refused = trouble(error, url, certificates=REQUESTS_TRUSTS) or untrusted(
            error, "the receiver", variable=REQUESTS_TRUSTS
        )
        if refused:
            raise UndeliveredError(f"{refused}; {refused.hint}") from None
        raise UndeliveredError(f"it could not be reached ({type(error).__name__})") from None
    if not answer.ok or answer.is_redirect:
        raise UndeliveredError(f"it answered {answer.status_code}")


def _email(settings: EmailSettings, news: News) -> None:
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, ", ".join(settings.to)
    message["Subject"] = " ".join(f"dealmeter: {news.title}".split())
    message["Message-ID"] = f"<{news.id}@dealmeter>"
    message.set_content(news.lines)
    try:
        with _server(settings) as server:
            if settings.user is not None and settings.password is not None:
                server.login(settings.user, settings.password.get_secret_value())
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise UndeliveredError(f"the mail server did not take it ({type(error).__name__})") from None


def _server(settings: EmailSettings) -> smtplib.SMTP:
    secure = ssl.create_default_context()
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_S[1], context=secure)
    server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_S[1])
    if settings.security == "starttls":
        try:
            server.starttls(context=secure)
        except BaseException:
            server.close()
            raise
    return server


MAKERS: Mapping[type[Any], Callable[[Any, News], None]] = {
    SlackSettings: _slack,
    WebhookSettings: _webhook,
    TelegramSettings: _telegram,
    EmailSettings: _email,
}
