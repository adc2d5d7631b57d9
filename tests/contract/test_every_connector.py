"""Every registered connector keeps the contract, against its own twin."""

from importlib.metadata import distribution

from tests.contract.suite.contract import Contract
from tests.contract.suite.twins import TWINS
from tests.contract.suite.twins.files import FilesTwin
from tests.contract.suite.twins.hubspot import HubSpotTwin
from tests.contract.suite.twins.salesforce import SalesforceTwin

PROVEN = (FilesTwin, HubSpotTwin, SalesforceTwin)
"""Those with a class below."""


class TestFiles(Contract):
    twin = FilesTwin


class TestHubSpot(Contract):
    twin = HubSpotTwin


class TestSalesforce(Contract):
    twin = SalesforceTwin


def test_each_connector_of_ours_has_a_twin_that_is_run() -> None:
    ours = [point.name for point in distribution("dealmeter").entry_points if point.group == "dealmeter.connectors"]
    assert sorted(ours) == sorted(TWINS) == sorted(twin.crm for twin in PROVEN)
