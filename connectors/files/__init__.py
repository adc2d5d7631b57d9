"""Files: a folder of CSV, one file per entity. Start with `entities` (what each file holds) and `reading` (how)."""

from connectors.files.connector import FilesConnector

__all__ = ["FilesConnector"]
