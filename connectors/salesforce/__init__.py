"""Salesforce: a folder of its own. Start with `kinds` (what is read) and `passes` (how)."""

from connectors.salesforce.connector import SalesforceConnector

__all__ = ["SalesforceConnector"]
