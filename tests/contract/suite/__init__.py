"""The contract of a connector: the tests, and a twin of each kind of CRM. See `docs/add-a-connector.md`."""
