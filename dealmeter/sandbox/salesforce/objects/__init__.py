"""The object types of an org, one module per corner of the business."""

from collections.abc import Iterator

from dealmeter.sandbox.salesforce.objects import activities, campaigns, customers, products, sales, service, setup
from dealmeter.sandbox.salesforce.org import Org
from dealmeter.sandbox.salesforce.sobject import SObject


def catalogue(org: Org) -> Iterator[SObject]:
    """Every object type that the org's features bring."""
    for corner in (setup, customers, products, sales, activities, campaigns, service):
        yield from corner.objects(org)
