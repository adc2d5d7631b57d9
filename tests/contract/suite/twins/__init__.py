"""The twins of the connectors that come with dealmeter, by the connector's name. A new connector adds its line here."""

from collections.abc import Mapping

from tests.contract.suite.twin import Twin
from tests.contract.suite.twins.files import FilesTwin
from tests.contract.suite.twins.hubspot import HubSpotTwin
from tests.contract.suite.twins.salesforce import SalesforceTwin

TWINS: Mapping[str, type[Twin]] = {twin.crm: twin for twin in (FilesTwin, HubSpotTwin, SalesforceTwin)}
