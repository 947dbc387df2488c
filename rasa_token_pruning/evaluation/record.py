"""Results on disk, with what they were measured with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from rasa_token_pruning.version import __version__


def write_record(record: Mapping[str, Any], file: Path) -> None:
    """Write a result as JSON, with the date and the version of the package."""
    content = {"date": date.today().isoformat(), "version": __version__, **record}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
