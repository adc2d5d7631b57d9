"""A row as the store hands it out."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[Any, Any]
"""Values by column name."""
