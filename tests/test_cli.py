"""The command: what it prints, and one sentence with a status instead of a traceback."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import stub_notebook

from lnlkit import cli, records
from lnlkit.run import attempt, folder, runner

NAME = stub_notebook.NAME


@pytest.fixture()
def checkout(tmp_path, monkeypatch):
    """A folder with the stub as its one notebook, as if it were the repository."""
    (tmp_path / "notebooks").mkdir()
    stub_notebook.write(tmp_path / "notebooks")
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture()
def call(capsys):
    """Calls the command; returns status, standard output, standard error."""

    def _call(*arguments) -> tuple[int, str, str]:
        status = 0
        try:
            cli.main(list(arguments))
        except SystemExit as end:
            status = end.code
        return (status, *capsys.readouterr())

    return _call


@pytest.fixture()
def no_kernel(monkeypatch):
    """Notebooks run in this process: the tests of the runner start kernels."""
    monkeypatch.setattr(attempt.Attempt, "execute", stub_notebook.in_this_process)


def test_run_says_where_the_page_is_and_keeps_all(checkout, call, no_kernel):
    status, out, err = call("run", "01", "--html", "--rate", "0.3", "--seeds", "1,2", "--save-results")
    assert (status, err) == (0, "")
    assert "say of the paper's" in out and "[ ] At 10 % noise the CVAE row" in out
    for path in (f"artifacts/smoke/{NAME}.ipynb", f"artifacts/smoke/{NAME}.html", f"results/{NAME}/smoke.json"):
        assert path in out and (checkout / path).is_file()
    saved = records.read_notebook(checkout / "results" / NAME / "smoke.json")
    assert (saved["seeds"], saved["config"]["rate"]) == ([1, 2], 0.3)

    status, again, _ = call("run", "01", "--html", "--rate", "0.3", "--seeds", "1,2", "--reuse")
    assert status == 0 and "nothing has changed since" in " ".join(again.split())
    full = call("report", "01")[1]
    assert full.count("Claims of the paper: ") == 1
    assert "90.50 ± 0.71" in full and "94.07 ± 0.29" in full and "-3.57" in full
    assert call("report", f"artifacts/smoke/{NAME}.json")[1].split("\n\n")[1:] == full.split("\n\n")[1:]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("run 01 --rate 40", "`RATE` must be a fraction in [0, 1), but got 40. Did you mean 0.4?"),
        ("run 01 --scale smok", "Did you mean 'smoke'?"),
        ("run 01 -p RAET=0.3", "`RAET` is no parameter of 01_cvae_augmentation.ipynb, which has SCALE, SEEDS"),
        ("run 01 -p RATE", "`--parameter` must be NAME=VALUE, but got 'RATE'."),
        ("run 01 -p RATE=1e-3x", "`RATE` must be of type float, but got '1e-3x' of type str."),
        ("run 01 -p RATE={[]:1}", "`RATE` must be of type float, but got '{[]:1}' of type str."),
        ("run 01 --seeds one", "`seeds` must be whole numbers such as 0,1,2, but got 'one'."),
        ("run 07", "`notebook` must be one of ['01_cvae_augmentation'], but got '07'."),
        ("run 01 --scale lab", "`mnist` must be in "),
        ("report 01 --scale lab", "No record of 01_cvae_augmentation at lab: make one with `lnlkit run`."),
        ("report 1x", "`paper` must be one of"),
        ("report x.json", "No record at `x.json`: make it with `lnlkit run`."),
        ("data prepare minst", "Did you mean 'mnist'?"),
    ],
)
def test_bad_input_is_one_sentence_status_2_and_nothing_written(checkout, call, monkeypatch, line, sentence):
    monkeypatch.setenv("LNLKIT_DATA", str(checkout))
    status, out, err = call(*line.split())
    assert (status, out) == (2, "")
    assert sentence in err and err.count("\n") == 1
    assert [path.name for path in checkout.iterdir()] == ["notebooks"]


def test_a_truncated_bundle_is_one_sentence_naming_the_file(checkout, call, monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    images = np.zeros((20, 28, 28), np.uint8)
    y = np.zeros(20, np.uint8)
    np.savez(folder / "whole.npz", x_train=images, y_train=y, x_test=images, y_test=y)
    whole = (folder / "whole.npz").read_bytes()
    (folder / "mnist.npz").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv("LNLKIT_DATA", str(folder))
    status, out, err = call("run", "01", "--scale", "lab")
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert str(folder / "mnist.npz") in err and "Traceback" not in err
    assert [path.name for path in checkout.iterdir()] == ["notebooks"]


def test_a_wrong_option_has_status_2_and_shows_the_usage(call):
    status, _, err = call("run", "01", "--ratte", "0.3")
    assert status == 2 and "--rate" in err and "Usage" in err


def test_a_failed_run_has_status_1_and_no_traceback(checkout, call, no_kernel):
    stub_notebook.write(checkout / "notebooks", "raise RuntimeError('broken on purpose')")
    status, out, err = call("run", "01")
    assert (status, out) == (1, "")
    assert "RuntimeError: broken on purpose" in err and "Traceback" not in err


def test_report_reads_results_before_artifacts(checkout, call):
    def record(scale, label):
        cell = {"row": "ce", "label": label, "needs": [], "published": "own", "column": 0.1, "unit": "%", "place": "t"}
        cell |= {"n": 1, "paper": 1.0, "paper_sd": None, "ours": 2.0, "ours_sd": None, "gap": 1.0}
        return records.for_notebook(NAME, scale, [0], config={}, metrics={}, claims=[], comparison=[cell], started=0)

    made = records.write(checkout / "artifacts" / "smoke" / f"{NAME}.json", record("smoke", "from artifacts"))
    assert "has not passed the checks of a run" in call("report")[2]
    records.write(made.with_suffix(".run"), {"record": folder.digest(made)})
    assert "from artifacts" in call("report")[1]
    records.write(checkout / "results" / NAME / "smoke.json", record("smoke", "from results"))
    records.write(checkout / "results" / NAME / "lab.json", record("lab", "at lab"))
    out = call("report")[1]
    assert "from results" in out and "at lab" in out and "from artifacts" not in out
    assert "from results" not in call("report", "--scale", "lab")[1]


def test_methods_shows_defaults_needs_and_source(call):
    status, out, _ = call("methods")
    assert status == 0
    block = out[out.index("coteaching") :]
    assert "forget_rate=0.2" in block and "needs: noise rate" in block and "Han et al. 2018" in block


def test_data_list_shows_where_every_set_of_every_kind_is(call, monkeypatch, tmp_path):
    from lnlkit import data

    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path))
    status, out, _ = call("data", "list")
    lines = {line.split()[0]: line for line in out.splitlines()[2:]}
    assert status == 0 and list(lines) == data.names()
    assert "built in" in lines["digits"] and "lnlkit data prepare mnist" in lines["mnist"]
    assert "label vectors" in lines["scenes"] and "numbers" in lines["diabetes"]
    assert call("data", "prepare", "digits")[1] == "digits: built in, nothing to fetch\n"
    assert call("data", "prepare", "diabetes")[1] == "diabetes: built in, nothing to fetch\n"


def test_a_run_checks_its_data_sets_first_whatever_their_labels(monkeypatch):
    """Functions are no files; below `paper`, tables come recorded and need no data."""
    from lnlkit import data

    asked = []
    monkeypatch.setattr(data, "prepare", asked.append)
    for notebook, scale in (("02_quality_embedding", "lab"), ("05_choicenet", "paper"), ("05_choicenet", "smoke")):
        runner._check_data(notebook, scale)
        asked.append("")
    assert " ".join(asked).split("  ") == ["scenes mnist", "cifar10 mnist fashion_mnist svhn cifar100 boston", ""]


def test_report_leaves_out_by_name_what_did_not_pass_its_checks(checkout, call, no_kernel):
    assert call("run", "01")[0] == 0
    whole = call("report", "01")[1]
    copy = checkout / "artifacts" / "lab" / f"{NAME}.json"
    copy.parent.mkdir()
    shutil.copy(checkout / "artifacts" / "smoke" / f"{NAME}.json", copy)
    status, out, err = call("report", "01")
    assert (status, out) == (0, whole)
    assert err == f"lnlkit: left out: `{copy}` has not passed the checks of a run, or was changed since: " \
                  "make it with `lnlkit run`.\n"
    shutil.copy(copy.parents[1] / "smoke" / f"{NAME}.run", copy.with_suffix(".run"))
    assert f"`{copy}` must be a record of scale lab, but is one of smoke." in call("report", "01")[2]
    committed = checkout / "results" / "02_quality_embedding" / "smoke.json"
    committed.parent.mkdir(parents=True)
    shutil.copy(copy, committed)
    for line in (["02"], [str(committed)]):
        status, out, err = call("report", *line)
        assert (status, out) == (2, "")
        assert f"must be a record of notebook 02_quality_embedding, but is one of {NAME}." in err


def test_report_completes_a_publication_that_was_cut_short(checkout, call, no_kernel, monkeypatch):
    assert call("run", "01", "--rate", "0.1")[0] == 0
    with monkeypatch.context() as killed:
        killed.setattr(folder, "complete", lambda *_: None)
        call("run", "01", "--rate", "0.2")
    assert call("report", "01")[0] == 0
    assert folder.checked(checkout / "artifacts" / "smoke" / f"{NAME}.json")[0]["config"]["rate"] == 0.2


@pytest.mark.parametrize("name, status", [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_ends_a_command_and_lets_it_tidy_up(call, monkeypatch, name, status):
    number, tidied = getattr(signal, name), []

    def run(*_, **__):
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        finally:
            tidied.append(name)

    before = signal.getsignal(number)
    monkeypatch.setattr(runner, "run", run)
    assert call("run", "01")[0] == status and tidied == [name] and signal.getsignal(number) is before


def test_a_command_under_nohup_goes_on(call, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monkeypatch.setattr(runner, "find", lambda _: os.kill(os.getpid(), signal.SIGHUP))
    monkeypatch.setattr(runner.parameters, "given", lambda *_: 1 / 0)
    try:
        assert call("run", "01")[0] == 1  # it came that far
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("line", ["--help", "data list", "report 01", "run 01 --scale smok"])
def test_quick_commands_do_not_wait_for_torch(line):
    code = f"""
import sys
from lnlkit.cli import main
try:
    main({line.split()!r})
except SystemExit:
    pass
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_module_is_the_command(root, tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('my homework')")
    env = {**os.environ, "PYTHONPATH": str(root)}
    for folder_typed_in, line in ((root, ["--version"]), (tmp_path, ["--version"]), (tmp_path, ["data", "list"])):
        done = subprocess.run([sys.executable, "-m", "lnlkit", *line], cwd=folder_typed_in, env=env, text=True,
                              capture_output=True)  # fmt: skip
        assert done.returncode == 0 and done.stdout.startswith(("lnlkit, version ", "name ")), done.stderr


def test_methods_keeps_a_gap_after_the_longest_name(call):
    from lnlkit.methods import METHODS

    heads = [line for line in call("methods")[1].splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in heads] == list(METHODS)


@pytest.mark.parametrize("run", [["-m", "lnlkit"], ["-c", "from lnlkit.cli import main; main()"]], ids=["-m", "-c"])
def test_a_folder_that_is_gone_is_one_sentence(root, tmp_path, run):
    (tmp_path / "gone").mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = subprocess.run([sys.executable, "-c", code, *run, "report", "01"], cwd=tmp_path / "gone", text=True,
                          env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True)  # fmt: skip
    said = "lnlkit: The folder that you are in has been deleted or moved: go to another one.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_results_are_saved_though_nothing_can_be_printed(checkout, no_kernel, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli.click, "echo", full)
    with pytest.raises(OSError, match="No space left"):
        cli.cli.main(["run", "01", "--save-results"], standalone_mode=False)
    assert (checkout / "results" / NAME / "smoke.json").is_file()
