// A page as slides: each heading begins one, and only one is shown. Escape leads back to reading.
const button = document.getElementById("slides"), count = document.getElementById("slide");
const slides = [];
for (const block of document.querySelectorAll("main .jp-MarkdownCell .jp-RenderedMarkdown > *, main .jp-CodeCell")) {
    if (slides.length === 0 || block.matches("h1, h2, h3")) slides.push([]);
    slides.at(-1).push(block);
}
let shown = null;  // the slide on the screen; null while reading

function show(slide) {
    const left = shown;
    shown = slide;
    document.body.classList.toggle("slides", shown !== null);
    button.setAttribute("aria-pressed", shown !== null);
    slides.forEach((blocks, place) =>
        blocks.forEach(block => block.classList.toggle("off", shown !== null && shown !== place)));
    count.textContent = shown === null ? "" : `${shown + 1} of ${slides.length}`;
    dispatchEvent(new Event("resize"));  // figures take the room there is now
    if (shown === null) slides[left][0].scrollIntoView();
    else scrollTo(0, 0);
}

function inSight() {
    const seen = slides.findLastIndex(([first]) => first.getBoundingClientRect().top < innerHeight / 2);
    return Math.max(seen, 0);
}

button.addEventListener("click", () => show(shown === null ? inSight() : null));
addEventListener("keydown", event => {
    if (shown === null || event.target.matches("input, select, textarea")) return;
    const steps = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
    if (event.key === "Escape") show(null);
    else if (event.key in steps) show(Math.min(Math.max(shown + steps[event.key], 0), slides.length - 1));
    else return;
    event.preventDefault();
});
