// Pictures that answer without Python. A control picks one of the states that were computed when the page was built,
// and the state is painted; nothing is packed, masked or priced here.

async function statesOf(live) {
    const text = live.querySelector(".states").textContent.trim();
    if (text.startsWith("{")) return JSON.parse(text);
    const packed = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

const chosenIn = control =>
    control.type === "checkbox" ? Number(control.checked)
        : control.type === "range" ? Number(control.value)
        : control.tagName === "SELECT" ? control.selectedIndex
        : [...control.querySelectorAll("input")].findIndex(input => input.checked);

function sayChoice(control) {
    if (control.type !== "range") return;
    const label = JSON.parse(control.dataset.labels)[control.value];
    control.setAttribute("aria-valuetext", label);
    control.parentElement.querySelector("output").textContent = label;
}

// Paints each part of a state: a path's line, a mark that the style sheet reads, or words.
function paintParts(live, { states }) {
    const parts = {};
    live.querySelectorAll("[data-part]").forEach(part => parts[part.dataset.part] = part);
    return place => {
        for (const [name, value] of Object.entries(states[place])) {
            const part = parts[name];
            if (part.tagName === "path") part.setAttribute("d", value);
            else if ("mark" in part.dataset) part.dataset.mark = value;
            else if (part.textContent !== value) part.textContent = value;
        }
    };
}

const ink = document.createElement("canvas").getContext("2d");

function widthOf(text, size) {
    ink.font = `${size}px system-ui, sans-serif`;
    return Math.max(...text.split("<br>").map(line => ink.measureText(line).width));
}

function fold(text, wide, size) {
    const lines = [];
    for (const word of text.split(" ")) {
        const longer = `${lines.at(-1)} ${word}`;
        if (lines.length && widthOf(longer, size) <= wide) lines.splice(-1, 1, longer);
        else lines.push(word);
    }
    return lines.join("<br>");
}

// Words that plotly would cut off or run together on a phone take several lines there. All figures of a page ask for it.
function fitWords({ data, layout }, wide) {
    if (!layout.title?.text) return;
    const narrow = wide < 520, linesIn = text => text.split("<br>").length;
    const names = data.flatMap(trace => trace.orientation === "h" ? trace.y : []).filter(name => typeof name === "string");
    const folded = Object.fromEntries(names.map(name => [name, narrow ? fold(name, 125, 13) : name]));
    const left = Math.max(layout.margin?.l ?? 50, ...Object.values(folded).map(name => widthOf(name, 13) + 20));
    if (narrow) {
        layout.yaxis = { ...layout.yaxis, labelalias: folded };
        layout.title = { ...layout.title, xref: "container", x: 8 / wide };
        layout.uniformtext ??= { minsize: 9, mode: "hide" };
        data.filter(trace => trace.constraintext).forEach(trace => trace.constraintext = "inside");
    }
    layout.title.text = fold(layout.title.text, wide - (narrow ? 24 : left + 20), 16);
    let above = linesIn(layout.title.text) - 1, below = 0;
    if (narrow && layout.annotations?.length) {
        layout.annotations.forEach(note => note.text = note.text.replace(": ", ":<br>"));
        above += 1;
    }
    if (narrow && layout.legend?.orientation !== "h" && data.some(trace => trace.showlegend)) {
        layout.legend = { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom" };
        below = data.length;
    }
    const under = below;
    for (const axis of Object.keys(layout).filter(name => name.startsWith("xaxis") && layout[name].title?.text)) {
        const { title, domain = [0, 1] } = layout[axis], room = wide - left - 20;
        const middle = left + room * (domain[0] + domain[1]) / 2;
        const most = domain[1] - domain[0] < 0.9 ? room * (domain[1] - domain[0]) : 2 * Math.min(middle, wide - middle);
        title.text = fold(title.text, most - 30, 16);
        below = Math.max(below, under + linesIn(title.text) - 1);
    }
    layout.height = (layout.height ?? 450) + 20 * (above + below);
    if (above) layout.title.y = 1 - 24 / layout.height;
    layout.margin = {
        ...layout.margin, t: (layout.margin?.t ?? 70) + 20 * above, b: (layout.margin?.b ?? 45) + 20 * below,
    };
}

// Paints a figure of plotly, and the same in words and as a table.
async function paintFigure(live, { states, values }) {
    const plotly = await window.prepackLabPlotly;
    const [picture, words, twin] = ["picture", "words", "twin"].map(name => live.querySelector(`.${name}`));
    const open = part => Object.fromEntries(
        Object.entries(part).map(([name, place]) => [name, structuredClone(values[place])]));
    return place => {
        const { said, twin: table, ...drawn } = states[place];
        const data = drawn.data.map(open), shown = open(drawn.layout);
        const unfolded = twin.querySelector("details")?.open;
        picture.setAttribute("aria-label", shown.title.text);
        fitWords({ data, layout: shown }, picture.clientWidth);
        picture.style.height = `${shown.height}px`;
        words.textContent = values[said];
        twin.innerHTML = values[table];
        if (unfolded) twin.querySelector("details").open = true;
        plotly.react(picture, data, shown, { displayModeBar: false, responsive: true });
    };
}

async function bringToLife(live) {
    const recorded = await statesOf(live), controls = [...live.querySelectorAll(".choice")];
    const paint = await (live.dataset.painter === "figure" ? paintFigure : paintParts)(live, recorded);
    const show = () => {
        controls.forEach(sayChoice);
        paint(controls.reduce((place, control) => place * Number(control.dataset.count) + chosenIn(control), 0));
    };
    controls.forEach(control => control.addEventListener("input", show));
    live.querySelectorAll("[type=radio]").forEach(radio => radio.parentElement.addEventListener("mouseenter", () => {
        radio.checked = true;
        show();
    }));
    live.querySelectorAll(".play").forEach(button => letPlay(button, show));
    show();
    live.dataset.alive = "yes";
}

// A button that moves the slider before it, a value at a time.
function letPlay(button, show) {
    const slider = button.previousElementSibling.querySelector("input");
    let timer = null;
    const stop = () => {
        clearInterval(timer);
        timer = null;
        button.textContent = "Play";
        button.setAttribute("aria-pressed", false);
    };
    const step = () => {
        slider.value = Number(slider.value) + 1;
        show();
        if (slider.value === slider.max) stop();
    };
    button.addEventListener("click", () => {
        if (timer) return stop();
        if (slider.value === slider.max) slider.value = slider.min;
        button.textContent = "Pause";
        button.setAttribute("aria-pressed", true);
        timer = setInterval(step, 700);
        show();
    });
}

const make = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
};

// Answers that fold out become buttons, and what is said of the chosen one is spoken.
function askQuiz(quiz) {
    const answers = [...quiz.querySelectorAll("details")], said = make("p", { className: "words" });
    said.setAttribute("role", "status");
    const buttons = answers.map(answer => {
        const button = make("button", { type: "button", textContent: answer.firstElementChild.textContent });
        button.setAttribute("aria-pressed", false);
        button.addEventListener("click", () => {
            buttons.forEach(other => other.setAttribute("aria-pressed", other === button));
            said.textContent = answer.lastChild.textContent;
        });
        return button;
    });
    answers.forEach(answer => answer.remove());
    quiz.append(make("div", { className: "controls" }, ...buttons), said);
}

// Packing by hand: a prompt is chosen, then the bin that takes it. The rival's bins and all verdicts are known.
function play(contest) {
    const games = JSON.parse(contest.querySelector(".states").textContent);
    let game, moves, chosen;
    const free = bin => game.capacity - bin.reduce((sum, prompt) => sum + game.lengths[prompt], 0);
    const binsOf = moves => moves.reduce((bins, [prompt, bin]) => {
        (bins[bin] ??= []).push(prompt);
        return bins;
    }, []);
    const act = (name, does, more = {}) => make("button", { type: "button", textContent: name, onclick: does, ...more });
    const bar = bin => make("span", { className: "bar" }, ...bin.map(prompt => {
        const part = make("span", { textContent: game.lengths[prompt] });
        const [background, color] = game.looks[prompt];
        Object.assign(part.style, { width: `${100 * game.lengths[prompt] / game.capacity}%`, background, color });
        return part;
    }));
    const select = make("select", { onchange: () => begin(select.selectedIndex) },
        ...games.map((_, number) => make("option", { textContent: number })));
    const bench = make("div", { className: "controls" }), field = make("div", { className: "bins" });
    const said = make("p", { className: "words" });
    bench.setAttribute("role", "group");
    bench.setAttribute("aria-label", "Prompts to place");
    said.setAttribute("role", "status");
    const undo = act("Undo", () => { moves.pop(); show(); });
    const again = act("Start again", () => begin(select.selectedIndex));
    const top = games.length > 1 ? [make("label", {}, "Game ", select)] : [];
    contest.replaceChildren(make("div", { className: "controls" }, ...top, undo, again), bench, field, said);

    function begin(number) {
        [game, moves, chosen] = [games[number], [], null];
        show();
    }

    function put(bin) {
        const room = bin < binsOf(moves).length ? free(binsOf(moves)[bin]) : game.capacity;
        if (game.lengths[chosen] > room) {
            said.textContent = `${game.lengths[chosen]} tokens do not fit: bin ${bin} has room for ${room}.`;
            return;
        }
        moves.push([chosen, bin]);
        show();
        (bench.querySelector("[aria-pressed=true]") ?? undo).focus();
    }

    function show() {
        const bins = binsOf(moves), left = game.order.filter(prompt => !moves.some(([placed]) => placed === prompt));
        if (!left.includes(chosen)) chosen = left[0];
        undo.disabled = moves.length === 0;
        bench.replaceChildren(...left.map(prompt => {
            const button = act(`${game.lengths[prompt]} tokens`, () => { chosen = prompt; show(); focusChosen(); });
            button.setAttribute("aria-pressed", prompt === chosen);
            return button;
        }));
        const rows = bins.map((bin, place) =>
            act(`Bin ${place}: room for ${free(bin)} `, () => put(place), { disabled: !left.length }));
        if (left.length) rows.push(act("A new bin ", () => put(bins.length)));
        rows.forEach((row, place) => row.append(bar(bins[place] ?? [])));
        field.replaceChildren(...rows);
        if (!left.length) field.append(make("p", { textContent: "First-fit decreasing:" }),
            ...game.rival.map(bin => bar(bin)));
        const tokens = left.map(prompt => game.lengths[prompt]).join(", ");
        const count = left.length === 1 ? "1 prompt" : `${left.length} prompts`;
        const rest = `${count} to place, of ${tokens} tokens. No packing has fewer than ${game.bound} bins.`;
        said.textContent = left.length ? `${rest} ${game.challenge}` : game.verdicts[bins.length];
    }

    const focusChosen = () => bench.querySelector("[aria-pressed=true]").focus();
    begin(0);
}

document.querySelectorAll(".live").forEach(live => bringToLife(live));
document.querySelectorAll(".quiz").forEach(askQuiz);
document.querySelectorAll(".contest").forEach(play);
