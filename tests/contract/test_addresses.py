"""Secrets travel over TLS: the same rule for every connector that has an address."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from connectors.hubspot.settings import HubSpotSettings
from connectors.salesforce.settings import SalesforceSettings
from tests.contract.salesforce.rig import SIGN_IN

KINDS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (HubSpotSettings, {"access_token": "x"}),
    (SalesforceSettings, SIGN_IN),
]
OPEN = "http://proxy.example.com/crm"


@pytest.mark.parametrize(("settings", "given"), KINDS)
@pytest.mark.parametrize("address", [OPEN, "ftp://a.example.com", "nope", "https://me:secret@a.example.com"])
def test_an_address_that_would_tell_secrets_is_refused(
    settings: type[BaseModel], given: dict[str, Any], address: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings.model_validate({**given, "base_url": address})
    [problem] = refused.value.errors()
    assert problem["loc"] == ("base_url",)
    assert "should be https://" in problem["msg"]


@pytest.mark.parametrize(("settings", "given"), KINDS)
@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "http://localhost", "https://proxy.example.com/crm/"])
def test_this_machine_and_tls_are_taken(settings: type[BaseModel], given: dict[str, Any], address: str) -> None:
    taken: Any = settings.model_validate({**given, "base_url": address})
    assert taken.base_url == address.rstrip("/")


@pytest.mark.parametrize(("settings", "given"), KINDS)
def test_allow_http_lifts_it_and_nothing_else(settings: type[BaseModel], given: dict[str, Any]) -> None:
    taken: Any = settings.model_validate({**given, "base_url": OPEN, "allow_http": True})
    assert taken.base_url == OPEN
    with pytest.raises(ValidationError, match="without user or password"):
        settings.model_validate({**given, "base_url": "http://me:secret@proxy.example.com", "allow_http": True})
