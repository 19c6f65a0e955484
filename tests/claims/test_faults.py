"""A planted change of a verdict's threshold or condition does not stay unseen."""

import pytest

from tests.claims import faults


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    faults.copy_of_the_project(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("fault", faults.FAULTS, ids=[f"{fault.file}-{fault.new[:40]}" for fault in faults.FAULTS])
def test_a_planted_fault_is_caught(fault, copy):
    assert faults.caught(fault, copy)
