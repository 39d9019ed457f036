"""The playground's explorer in JupyterLab, as a student has it: a browser runs its cells, moves its controls, looks."""

import nbformat
import pytest
import served_lab

from lnlkit import records

CELLS = ["install", "parameters", "recorded", "memorisation", "playground"]  # of notebook 00, by id
GUESS, EXPLORER = CELLS.index("memorisation"), CELLS.index("playground")
SLIDER = ".widget-hslider:has(.noUi-handle)"
MEMORY_MB = 350  # of a kernel that explores recorded runs, without torch
SHOW_S, STEP_S = 5, 1.2  # processor time of the kernel for the explorer's cell and for a step of the slider, at the
# reference machine's speed: several times the goals, which benchmarks/explorers.py knows, for a machine may be busy


@pytest.fixture(scope="module")
def page(tmp_path_factory, root):
    """The page once its cells were run; `took` is the kernel's processor seconds for the explorer's."""
    programs, folder = served_lab.browser_and_driver(), tmp_path_factory.mktemp("lab")
    notebook = nbformat.read(root / "notebooks" / "00_playground.ipynb", as_version=4)
    cells = {cell["id"]: cell for cell in notebook.cells}
    notebook.cells = [cells[name] for name in CELLS]
    (folder / "work").mkdir()
    nbformat.write(notebook, folder / "work" / "x.ipynb")
    with (served_lab.ended_in_order(), served_lab.jupyter_lab(folder) as (server, place),
          served_lab.browser(folder, programs) as driver):  # fmt: skip
        opened = served_lab.Page(driver, server, folder)
        with opened.evidence():
            opened.open(place, "x.ipynb")
            for number in range(EXPLORER):
                opened.run_cell(number)
            before = opened.seconds()
            opened.run_cell(EXPLORER)
            opened.picture(EXPLORER)
            opened.took = opened.seconds() - before
        yield opened


def move(page, key):
    """Presses a key on the slider's handle; what its readout says then."""
    from selenium.webdriver.common.keys import Keys

    found = page.until("the slider", lambda: [one for one in page.all(SLIDER) if "noise rate" in one.text])
    slider = found[0]
    slider.find_element("css selector", ".noUi-handle").send_keys(getattr(Keys, key))
    return slider.find_element("css selector", ".widget-readout").text


def choose_method(page, place):
    """Takes the method at a place of the menu, the last of the menus; its label."""
    from selenium.webdriver.support.ui import Select

    menu = Select(page.all(".widget-dropdown select")[-1])
    menu.select_by_index(place % len(menu.options))
    return menu.first_selected_option.text


def test_the_explorer_is_there(page):
    with page.evidence():
        _, said = page.picture(EXPLORER)
        assert said.startswith("Co-teaching on digits, symmetric noise, rate 0.4 (")
        assert page.errors() == []
        print(f"the explorer's cell: {page.took:.2f} s of processor time")
        assert records.at_reference(page.took, records.calibration()) < SHOW_S


def test_a_guess_is_revealed(page):
    with page.evidence():
        before = page.picture(GUESS)
        assert before[1].startswith("What will the last epoch be?")
        (button,) = [button for button in page.all("button.jupyter-button") if button.text == "reveal"]
        button.click()
        _, said = page.picture(GUESS, other_than=before)
        assert said.startswith("At epoch 60: right labels learned 100 % (guess 50)") and page.errors() == []


def test_the_slider_changes_the_picture(page):
    with page.evidence():
        before = page.picture(EXPLORER)
        rate = move(page, "ARROW_RIGHT")
        _, said = page.picture(EXPLORER, other_than=before)
        assert float(rate) > 0.4 and f", rate {rate} (" in said
        assert page.errors() == []


def test_another_method_changes_the_picture(page):
    with page.evidence():
        before = page.picture(EXPLORER)
        label = choose_method(page, 0)
        _, said = page.picture(EXPLORER, other_than=before)
        assert said.startswith(f"{label} on digits, ") and label not in before[1].split(" on ")[0]
        assert page.errors() == []


def test_a_walk_along_the_slider_is_quick_and_the_kernel_stays_small(page):
    with page.evidence():
        pictures = [page.picture(EXPLORER)]
        choose_method(page, -1)  # nothing of it is drawn yet
        pictures.append(page.picture(EXPLORER, other_than=pictures[-1]))
        page.until_idle()
        before, new, rates = page.seconds(), 0, [move(page, "HOME")]
        while len(rates) == 1 or rates[-1] != rates[-2]:
            pictures.append(page.picture(EXPLORER, other_than=pictures[-1]))
            new += pictures[-1] not in pictures[:-1]
            assert f", rate {rates[-1]} (" in pictures[-1][1]
            rates.append(move(page, "ARROW_RIGHT"))
        page.until_idle()
        step, memory = (page.seconds() - before) / new, page.kernel().memory_info().rss / 1e6
        print(f"{new} new pictures, {step:.2f} s of processor time each; the kernel has {memory:.0f} MB")
        assert page.errors() == [] and new >= 4
        assert memory < MEMORY_MB
        assert records.at_reference(step, records.calibration()) < STEP_S
