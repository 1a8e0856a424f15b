"""What ipywidgets and plotly leave undone on the page, done in one place for all widgets of the lab."""

from __future__ import annotations

import anywidget


class FitPage(anywidget.AnyWidget):
    """An invisible neighbour of a widget's controls and figure.

    The notebook takes arrow keys and Enter for itself, even from a slider or a button: this keeps them for the
    controls, and shows which control has the focus. A plotly figure is drawn before it is on the page, 700 pixels wide,
    and ignores a sidebar that opens: this resizes it. A slider's handle, a menu without a label, play buttons, a group
    of checkboxes and a progress bar have no name for a screen reader; which button is pressed and how far a bar has
    come is shown by colour alone; and lines that change are not spoken: this mends all of that.
    """

    _css = """
    .jupyter-widgets :is(.noUi-handle, button, input, select, textarea, summary):focus-visible {
        outline: 2px solid #0072B2 !important;
        outline-offset: 2px;
    }
    """
    _esm = """
    export default {
        render({ el }) {
            el.style.width = "100%";
            const keepKeys = ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true");
            const fit = () => {
                window.dispatchEvent(new Event("resize"));
                el.parentElement?.addEventListener("focusin", keepKeys);
                for (const slider of el.parentElement?.querySelectorAll(".widget-slider") ?? []) {
                    const label = slider.querySelector(".widget-label")?.textContent;
                    slider.querySelectorAll(".noUi-handle").forEach(handle => handle.setAttribute("aria-label", label));
                }
                for (const menu of el.parentElement?.querySelectorAll("select:not([aria-label])") ?? [])
                    if (menu.title && menu.title !== "null") menu.setAttribute("aria-label", menu.title);
                for (const play of el.parentElement?.querySelectorAll(".widget-play") ?? [])
                    ["Play or pause", "Back to the start", "Repeat"].forEach((name, place) => {
                        play.children[place]?.setAttribute("aria-label", name);
                        play.children[place]?.setAttribute("title", name);
                    });
                for (const group of el.parentElement?.querySelectorAll(".prepack-lab-group") ?? []) {
                    group.setAttribute("role", "group");
                    group.setAttribute("aria-label", group.querySelector(".widget-label")?.textContent);
                }
                for (const line of el.parentElement?.querySelectorAll(".prepack-lab-spoken .widget-html-content") ?? [])
                    line.setAttribute("role", "status");
                for (const bar of el.parentElement?.querySelectorAll(".progress") ?? []) {
                    bar.setAttribute("role", "progressbar");
                    bar.setAttribute("aria-label", "progress");
                    const filled = bar.firstElementChild;
                    follow(filled, "style", () =>
                        bar.setAttribute("aria-valuenow", Math.round(parseFloat(filled.style.width)) || 0));
                }
                for (const button of el.parentElement?.querySelectorAll(".jupyter-button.widget-toggle-button") ?? [])
                    follow(button, "class", () =>
                        button.setAttribute("aria-pressed", button.classList.contains("mod-active")));
            };
            const followed = new Map();
            const follow = (element, attribute, update) => {
                if (!element || followed.has(element)) return;
                followed.set(element, new MutationObserver(update));
                followed.get(element).observe(element, { attributeFilter: [attribute] });
                update();
            };
            const watch = new ResizeObserver(fit);
            watch.observe(el);
            return () => [watch, ...followed.values()].forEach(observer => observer.disconnect());
        },
    };
    """
