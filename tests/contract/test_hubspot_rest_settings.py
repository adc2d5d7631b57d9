"""What a person sets for the further streams, and where a mistake is told."""

import re

import pytest
from pydantic import ValidationError

from connectors.hubspot.settings import HubSpotSettings


@pytest.mark.parametrize("address", ["nope", "http://", "ftp://a.example", "http://me:secret@a.example", "https:/a"])
def test_an_address_that_is_none_is_refused_by_the_settings_and_by_their_schema(address: str) -> None:
    with pytest.raises(ValidationError, match="should be https://"):
        HubSpotSettings.model_validate({"access_token": "x", "base_url": address})
    pattern = HubSpotSettings.model_json_schema()["properties"]["base_url"]["pattern"]
    assert not re.search(pattern, address)


@pytest.mark.parametrize(
    "address", ["https://api.hubapi.com", "HTTP://127.0.0.1:8080", "http://[::1]:8080", "https://proxy.example/hubspot"]
)
def test_an_address_is_taken_by_both(address: str) -> None:
    assert HubSpotSettings.model_validate({"access_token": "x", "base_url": address}).base_url == address
    assert re.search(HubSpotSettings.model_json_schema()["properties"]["base_url"]["pattern"], address)


def test_a_misspelt_stream_is_named_with_what_was_meant() -> None:
    with pytest.raises(ValidationError, match="did you mean 'exchange_rates'"):
        HubSpotSettings.model_validate({"access_token": "x", "exclude": ["exchange_rate"]})
