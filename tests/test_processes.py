"""Whose file it is, and whether he still lives."""

import os
import subprocess
import sys

from lnlkit import processes


def test_a_process_lives_until_it_has_ended():
    code = "import time; from lnlkit import processes; print(processes.me(), flush=True); time.sleep(3600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        name = child.stdout.readline().strip()
        assert name.startswith(f"{child.pid}-") and not processes.gone(name) and not processes.gone(processes.me())
        child.kill()
    assert processes.gone(name)


def test_a_number_that_was_given_to_another_process_is_no_sign_of_life():
    pid, start, machine = processes.me().split("-")
    assert int(pid) == os.getpid() and processes.gone(f"{pid}-{int(start) - 60}-{machine}")


def test_a_claim_names_its_process_and_its_owner_who_takes_it_over_from_another_machine(tmp_path):
    """A worker that died there says no more; another sweep waits until the claim rests."""
    claim = tmp_path / "a.claim"
    assert processes.claim(claim, "mine") and claim.read_text() == f"{processes.me()}.mine"
    claim.write_text("1-1700000000-elsewhere.mine")
    assert processes.claimed(claim, "mine") and not processes.claimed(claim, "yours")
    assert processes.taken(claim, "yours") and not processes.claim(claim, "yours")
    assert processes.claim(claim, "mine") and claim.read_text() == f"{processes.me()}.mine"
    assert not processes.claimed(tmp_path / "none", "mine")


def test_of_another_machine_and_of_foreign_names_nothing_is_known():
    pid, start, machine = processes.me().split("-")
    assert not processes.gone(f"999999999-{start}-not{machine}") and not processes.gone("") and not processes.gone("x")
