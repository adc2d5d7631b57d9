"""Where each thing is, in HubSpot's dated versions and in the numbered one that ends in September 2027."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one API version: the only place that knows it."""

    version: str

    def _path(self, numbered: str, dated: str) -> str:
        return numbered if self.version.startswith("v") else dated.replace("VERSION", self.version)

    def objects(self, kind: str) -> str:
        """List objects."""
        return self._path(f"/crm/v3/objects/{kind}", f"/crm/objects/VERSION/{kind}")

    def batch(self, kind: str) -> str:
        """Read objects by id."""
        return f"{self.objects(kind)}/batch/read"

    def search(self, kind: str) -> str:
        """Search objects."""
        return f"{self.objects(kind)}/search"

    def associations(self, from_kind: str, to_kind: str) -> str:
        """Read the associations of many objects."""
        return self._path(
            f"/crm/v4/associations/{from_kind}/{to_kind}/batch/read",
            f"/crm/associations/VERSION/{from_kind}/{to_kind}/batch/read",
        )

    def owners(self) -> str:
        """List owners."""
        return self._path("/crm/v3/owners", "/crm/owners/VERSION")

    def pipelines(self, kind: str) -> str:
        """List the pipelines of a kind of object."""
        return self._path(f"/crm/v3/pipelines/{kind}", f"/crm/pipelines/VERSION/{kind}")

    def properties(self, kind: str) -> str:
        """List the properties of a kind of object."""
        return self._path(f"/crm/v3/properties/{kind}", f"/crm/properties/VERSION/{kind}")

    def campaigns(self) -> str:
        """List marketing campaigns."""
        return self._path("/marketing/v3/campaigns", "/marketing/campaigns/VERSION")

    def campaign_costs(self, campaign: str) -> str:
        """What a campaign costs."""
        return f"{self.campaigns()}/{campaign}/budget/totals"

    def exchange_rates(self) -> str:
        """List all exchange rates, past ones too."""
        return self._path("/settings/v3/currencies/exchange-rates", "/settings/currencies/VERSION/exchange-rates")

    def dispositions(self) -> str:
        """List call outcomes: there is only the old path."""
        return "/calling/v1/dispositions"

    def account(self) -> str:
        """The account's details."""
        return self._path("/account-info/v3/details", "/account-info/VERSION/details")

    def usage(self) -> str:
        """The day's requests so far."""
        return self._path(
            "/account-info/v3/api-usage/daily/private-apps", "/account-info/VERSION/api-usage/daily/private-apps"
        )
