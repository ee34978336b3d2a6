"""Fixtures of the tests of Gaussian processes."""

import pytest
from sklearn import config_context


@pytest.fixture
def routing():
    """Metadata is routed while a test runs."""
    with config_context(enable_metadata_routing=True):
        yield
