"""The site opens from disk, draws its figures, becomes slides, and asks nobody for anything."""

import pytest

from tests.lessons.test_site import built  # noqa: F401


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_from_disk_and_turns_into_slides(browser, built, scheme):  # noqa: F811
    page = browser.new_page(color_scheme=scheme)
    asked, errors = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto((built / "01_padding_waste.html").as_uri())
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert page.get_by_title("Share chart").count() == page.locator("[data-title^=Share]").count() == 0

    ink = page.locator(".js-plotly-plot .gtitle").evaluate("title => getComputedStyle(title).fill")
    assert ink == page.evaluate("() => getComputedStyle(document.body).color"), "the figure writes in the page's ink"

    page.get_by_role("link", name="slot").click()
    page.get_by_role("heading", name="Slot").wait_for()
    page.go_back()
    page.get_by_role("button", name="Slides").press("Enter")
    page.keyboard.press("PageUp")
    assert page.locator("#slide").inner_text() == "1 of 2"
    page.keyboard.press("ArrowRight")
    assert page.locator("#slide").inner_text() == "2 of 2"
    assert page.get_by_role("heading", name="The rows").is_visible()
    assert not page.get_by_role("heading", name="Padding waste").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#slide").inner_text() == ""

    assert errors == [] and all(url.startswith(built.parent.as_uri()) for url in asked)
    page.close()
