"""Texts that come with the package."""

from __future__ import annotations

from pathlib import Path


def calibration_texts() -> list[str]:
    """Messages to assistants of all kinds, in several languages, written to see what enters an encoder's layers."""
    return Path(__file__).with_name("calibration.txt").read_text(encoding="utf-8").splitlines()
