"""The contract of a connector: one set of tests, run against the twin of each kind of CRM. `docs/add-a-connector.md`."""
