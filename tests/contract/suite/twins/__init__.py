"""The twins of the connectors that come with dealmeter, by the connector's name. A new connector adds its line here."""

from collections.abc import Mapping
from typing import Any

from tests.contract.suite.twins.files import FilesTwin
from tests.contract.suite.twins.hubspot import HubSpotTwin

TWINS: Mapping[str, type[Any]] = {twin.crm: twin for twin in (FilesTwin, HubSpotTwin)}
