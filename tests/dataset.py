"""The real data set "CRM Sales Opportunities" (Maven Analytics, public domain): read where it is, never shipped."""

import os
from pathlib import Path

import pytest

NAME = "crm-sales-opportunities"
ROOT = Path(__file__).resolve().parents[1]


def dataset() -> Path:
    """Its folder: named by DEALMETER_DATASET, or found in a folder beside the checkout; else the test is skipped."""
    named = os.environ.get("DEALMETER_DATASET")
    found = [Path(named)] if named else sorted(ROOT.parent.glob(f"*/data/{NAME}"))
    if not found:
        pytest.skip(f"the data set {NAME} is not here: name its folder by DEALMETER_DATASET")
    return found[0]
