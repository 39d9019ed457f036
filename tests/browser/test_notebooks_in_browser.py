"""Every notebook in JupyterLab: run whole, each control moved once, and an exercise answered in the student edition."""

import nbformat
import pytest
import served_lab

NOTEBOOKS = ["00_playground", "01_cvae_augmentation", "02_quality_embedding", "03_robust_features", "04_echoalign",
             "05_choicenet"]  # fmt: skip
EXERCISE = "01.2"  # label_purity
ANSWERS = {
    "wrong": ("return np.diag(T)", "not yet"),
    "right": ("return class_sizes * np.diag(T) / (class_sizes @ T)", "right"),
}
SHUT_DOWN = "window.jupyterapp?.serviceManager.sessions.shutdownAll().then(arguments[0], arguments[0]);"
SET_SOURCE = """
const [number, source] = arguments, cell = window.jupyterapp.shell.currentWidget.content.widgets[number];
cell.model.sharedModel.setSource(source);
"""
SAID = """
const outputs = window.jupyterapp.shell.currentWidget.content.widgets[arguments[0]].model.outputs;
const all = [...Array(outputs.length).keys()].map(place => outputs.get(place).data);
return all.map(data => data['application/vnd.jupyter.stdout']).join('');
"""
CONTROLS = """
const cell = window.jupyterapp.shell.currentWidget.content.widgets[arguments[0]];
const css = '.widget-hslider:has(.noUi-handle), .widget-dropdown select, .widget-toggle-button:not(.mod-active)';
return [...cell.node.querySelectorAll(css)].filter(one => !one.disabled && !one.querySelector('[disabled]'));
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, root):
    """Opens a notebook of the repository, by its path, in a JupyterLab that is served once for all."""
    programs, folder = served_lab.browser_and_driver(), tmp_path_factory.mktemp("lab")
    (folder / "work").mkdir()
    with (served_lab.ended_in_order(), served_lab.jupyter_lab(folder) as (server, place),
          served_lab.browser(folder, programs) as driver):  # fmt: skip

        def opened(path, keep=lambda cell: True):
            notebook = nbformat.read(root / "notebooks" / path, as_version=4)
            notebook.cells = [cell for cell in notebook.cells if keep(cell)]
            name = path.replace("/", "-")
            nbformat.write(notebook, folder / "work" / name)
            page = served_lab.Page(driver, server, folder)
            page.cells = notebook.cells
            if driver.current_url.startswith("http"):
                driver.execute_async_script(SHUT_DOWN)  # the kernel of the notebook before
            page.open(place, name)
            return page

        yield opened


def run_all(page):
    for number in source_of(page, ""):
        page.run_cell(number)
    page.until_idle()


def source_of(page, what):
    return [number for number, cell in enumerate(page.cells) if cell["cell_type"] == "code" and what in cell["source"]]


def move(page, control):
    """Does one thing to a control: a step of a slider, another entry of a menu, another button."""
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select

    if control.tag_name == "select":
        menu = Select(control)
        at = menu.options.index(menu.first_selected_option)
        menu.select_by_index((at + 1) % len(menu.options))
    elif handles := control.find_elements("css selector", ".noUi-handle"):
        at_end = handles[0].get_attribute("aria-valuenow") == handles[0].get_attribute("aria-valuemax")
        handles[0].send_keys(Keys.ARROW_LEFT if at_end else Keys.ARROW_RIGHT)
    else:
        page.driver.execute_script("arguments[0].click()", control)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_every_control_changes_its_picture(lab, name):
    page = lab(f"{name}.ipynb")
    with page.evidence():
        run_all(page)
        assert page.errors() == []
        moved = 0
        for number in source_of(page, "Explorer(") + source_of(page, "Prediction("):
            for place in range(len(page.driver.execute_script(CONTROLS, number))):
                controls = page.driver.execute_script(CONTROLS, number)
                if place >= len(controls):  # the last choice left fewer
                    break
                before = page.picture(number)
                page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", controls[place])
                move(page, controls[place])
                page.picture(number, other_than=before)
                moved += 1
        assert moved >= 4 and page.errors() == []


def test_the_student_edition_tells_a_wrong_answer_a_right_one_and_none(lab):
    def needed(cell):
        return cell["cell_type"] == "code" and (cell["id"] in ("install", "parameters")
                                                or "label_purity" in cell["source"])  # fmt: skip

    page = lab("student/01_cvae_augmentation.ipynb", needed)
    with page.evidence():
        run_all(page)
        (stub,), (check,) = source_of(page, "def label_purity"), source_of(page, f'lab.check("{EXERCISE}"')
        source = page.cells[stub]["source"]
        said = page.driver.execute_script(SAID, check)
        assert said.startswith(f"exercise {EXERCISE}: not done yet.") and page.errors() == []
        for answer, word in ANSWERS.values():
            page.driver.execute_script(SET_SOURCE, stub, source.replace("...  # your code", answer))
            page.run_cell(stub)
            page.run_cell(check)
            said = page.until("what the check says", lambda: page.driver.execute_script(SAID, check))
            assert said.startswith(f"exercise {EXERCISE}: {word}."), said
        assert page.errors() == []
