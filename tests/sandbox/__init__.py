"""The sandbox is held to HubSpot's shapes and oddities."""
