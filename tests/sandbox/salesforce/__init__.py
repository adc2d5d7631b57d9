"""The Salesforce sandbox is held to Salesforce's shapes and oddities."""
