"""The reading commands on a ledger that the tests know by heart (`conftest.fill_file`)."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import limit_order, market_order

from conftest_of_cli import Call
