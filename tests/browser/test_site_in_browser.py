"""A page of the site in a browser, at the width of a laptop and of a phone: its slider walks, nothing sticks out."""

import pytest
import served_lab
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lnlkit.run import site
from lnlkit.run.site import sliders

KEY = "01_cvae_augmentation"
WIDE = (r"$$\rho_k = \tanh(W_\rho h)_k \qquad \mu_k = \widetilde W_k^\top h, \qquad "
        r"\Sigma_k = (1-\rho_k^2)\,\Sigma_0 \qquad x$$")  # fmt: skip
LONG = r"a formula in a line, $P(y_k=1\mid x) = (1-P_{noise})\,P(z_k=1\mid x) + P_{noise}/K + \lambda$, and text."
PHONE, LAPTOP = 390, 1366
STICKING_OUT = """
const boxed = (element) => { for (let up = element.parentElement; up; up = up.parentElement)
  if (["auto", "hidden"].includes(getComputedStyle(up).overflowX)) return true; return false; };
return [...document.querySelectorAll("body *")].filter((element) => {
  const at = element.getBoundingClientRect();
  return at.width && (at.right > innerWidth + 1 || at.left < -1) && !boxed(element); }).map((of) => of.outerHTML);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a notebook with all that may be too wide, and its one slider, opened in a browser."""
    programs, folder = served_lab.browser_and_driver(), tmp_path_factory.mktemp("site")
    first = next(iter(sliders.of_notebook(KEY)))
    png = {"data": {"image/png": "", "text/plain": first}, "metadata": {"image/png": {"alt": first}}}
    table = "<table><tr>" + "<td>a&nbsp;wide&nbsp;cell</td>" * 20 + "</tr></table>"
    html = {"data": {"text/html": table, "text/plain": "a table"}, "metadata": {}}
    notebook = new_notebook(cells=[
        new_markdown_cell("# A page\n\n## Formulas\n\n" + WIDE + "\n\n" + LONG + "\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        new_markdown_cell("## Code\n\n<details><summary>Hint</summary>\n\nThink of $x^2$.\n\n</details>"),
        new_code_cell("\n".join(f"value_{i} = 'a long line of code' * {i} + 'x' * 100" for i in range(8)),
                      outputs=[new_output("display_data", **html)]),
        new_code_cell("explorer", outputs=[new_output("display_data", **png)]),
        new_code_cell("print()", outputs=[new_output("stream", text="word " * 60)]),
    ])  # fmt: skip
    (folder / "page.html").write_text(site.notebook_page(notebook, KEY, {}), encoding="utf-8")
    with served_lab.browser(folder, programs) as driver:
        driver.get((folder / "page.html").as_uri())
        yield driver


def resize(page, width):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                         {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600})  # fmt: skip
    page.refresh()


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_nothing_is_wider_than_the_screen(page, width):
    resize(page, width)
    for opened in (False, True):
        page.execute_script("document.querySelectorAll('details').forEach(of => { of.open = arguments[0]; })", opened)
        assert page.execute_script(STICKING_OUT) == []
        assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_contents_list_stands_beside_the_text_or_folded_above_it(page):
    place = ("const at = document.querySelector(arguments[0]).getBoundingClientRect();"
             "return [at.left, at.top, at.right]")  # fmt: skip
    for width, beside in ((LAPTOP, True), (PHONE, False)):
        resize(page, width)
        contents, main = (page.execute_script(place, name) for name in ("nav.contents", "main"))
        assert (contents[2] <= main[0]) == beside and (contents[1] < main[1]) == (not beside)
        assert page.execute_script("return document.getElementById('contents').open") == beside


def test_the_slider_walks_through_its_pictures(page):
    resize(page, LAPTOP)
    shown = ("return [...document.querySelectorAll('.slider img')].filter(of => of.offsetHeight)"
             ".map(of => of.dataset.value)")  # fmt: skip
    move = ("const input = document.querySelector('.slider input'); input.value = arguments[0];"
            "input.dispatchEvent(new Event('input'));"
            "return document.querySelector('.slider output').textContent")  # fmt: skip
    assert page.execute_script(shown) == ["0.2"]
    for place, value in enumerate(["0", "0.1", "0.2", "0.3", "0.4"]):
        assert page.execute_script(move, place) == value
        assert page.execute_script(shown) == [value]


def test_a_button_opens_all_code_and_folds_it_again(page):
    resize(page, LAPTOP)
    state = "return [...document.querySelectorAll('details.code')].map(of => of.open)"
    assert page.execute_script(state) == [False]
    for opened in (True, False):
        page.execute_script("document.querySelector('button.all').click()")
        assert page.execute_script(state) == [opened]


def test_formulas_are_drawn(page):
    """A browser that knows MathML puts an index lower than its base."""
    resize(page, LAPTOP)
    bottoms = ("const of = document.querySelector('msub');"
               "return [...of.children].map(part => part.getBoundingClientRect().bottom)")  # fmt: skip
    base, index = page.execute_script(bottoms)
    assert index > base
