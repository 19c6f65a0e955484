"""A planted change of a verdict's threshold or condition does not stay unseen.

`python -m tests.claims.faults` plants them all, one after the other; here every sixth, for the time it takes.
"""

import pytest

from tests.claims import faults
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    faults.copy_of_the_project(folder)
    return folder


@pytest.mark.parametrize("fault", faults.FAULTS, ids=[f"{fault.file}-{fault.new[:40]}" for fault in faults.FAULTS])
def test_a_fault_can_be_planted(fault):
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
    assert fault.old != fault.new
    assert fault.tests


@pytest.mark.slow
@pytest.mark.parametrize("fault", faults.FAULTS[::6], ids=[f"{fault.file}-{fault.new[:40]}" for fault in faults.FAULTS[::6]])
def test_a_planted_fault_is_caught(fault, copy):
    assert faults.caught(fault, copy)
