import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT / "tests" / "offline"

# Rasa reads these at import; processes that the tests start inherit them.
os.environ.update(
    RASA_TELEMETRY_ENABLED="false",
    SQLALCHEMY_SILENCE_UBER_WARNING="1",
    TF_CPP_MIN_LOG_LEVEL="3",
    HF_HUB_OFFLINE="1",
    PYTHONPATH=str(OFFLINE),
)

spec = importlib.util.spec_from_file_location("refuse_network", OFFLINE / "sitecustomize.py")
spec.loader.exec_module(importlib.util.module_from_spec(spec))

# How long an example takes says nothing on a machine that has other work to do.
# Half of the usual examples: `make fuzz` looks longer.
settings.register_profile("any machine", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """What a test printed can hold half a surrogate pair, which cannot be sent from process to process."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report
