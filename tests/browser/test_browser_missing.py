"""Without a browser the tests in one are skipped where somebody works, and fail where they must not vanish."""

import pytest
import served_lab


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("LNLKIT_BROWSER", raising=False)


@pytest.mark.parametrize("name, value", [("CI", "true"), ("CI", "1"), ("LNLKIT_BROWSER", "1")])
def test_where_there_must_be_a_browser_a_missing_one_fails(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match="apt install chromium") as raised:
        served_lab.browser_and_driver()
    assert raised.type is pytest.fail.Exception  # a skip that is let through would skip this test


@pytest.mark.parametrize("settings", [{}, {"CI": "false"}, {"CI": "true", "LNLKIT_BROWSER": "0"}])
def test_elsewhere_a_missing_browser_skips(monkeypatch, settings):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(pytest.skip.Exception, match="browser|chromedriver"):
        served_lab.browser_and_driver()


def test_a_browser_and_a_driver_of_two_versions_are_no_pair(monkeypatch, tmp_path):
    for name, version in (("chromium", 1), ("google-chrome", 2), ("chromedriver", 2)):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} {version}.0.7\n")
        (tmp_path / name).chmod(0o755)
    assert served_lab.browser_and_driver() == (str(tmp_path / "google-chrome"), str(tmp_path / "chromedriver"))
    (tmp_path / "google-chrome").unlink()
    with pytest.raises(pytest.skip.Exception):
        served_lab.browser_and_driver()


def test_ci_insists_on_a_browser(root):
    text = (root / ".ci" / "run").read_text(encoding="utf-8")
    assert 'export LNLKIT_BROWSER="${LNLKIT_BROWSER:-1}"' in text
    assert text.index("chromium-driver") < text.index("make test </")
