// What the pages can do beyond reading: keys, zoom, window and level, boxes, copying. Every page is complete without it.
"use strict";

const root = document.documentElement;
root.classList.add("has-script");
try {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
} catch { /* storage may be off */ }

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const one = (selector, within = document) => within.querySelector(selector);

// ---- X-rays ----

function setUpXray(figure) {
  const svg = one("svg", figure);
  if (!svg) return;
  const width = Number(svg.dataset.width), height = Number(svg.dataset.height);
  const view = { x: 0, y: 0, w: width, h: height };
  const show = () => {
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
    figure.classList.toggle("zoomed", view.w < width);
  };
  const place = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  };
  const zoom = (factor, x = view.x + view.w / 2, y = view.y + view.h / 2) => {
    const w = Math.min(width, Math.max(width / 12, view.w * factor));
    const scale = w / view.w;
    view.x = Math.min(Math.max(0, x - (x - view.x) * scale), width - w);
    view.y = Math.min(Math.max(0, y - (y - view.y) * scale), height - view.h * scale);
    view.w = w;
    view.h *= scale;
    show();
  };
  figure.zoom = zoom;
  figure.whole = () => { Object.assign(view, { x: 0, y: 0, w: width, h: height }); show(); };
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey && view.w === width && event.deltaY > 0) return;
    if (!event.ctrlKey && !event.shiftKey && view.w === width && !figure.matches(".viewer *")) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, ...place(event));
  }, { passive: false });
  svg.addEventListener("dblclick", (event) => zoom(0.5, ...place(event)));
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    if (view.w >= width) return;
    from = place(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = place(event);
    view.x = Math.min(Math.max(0, view.x + from[0] - x), width - view.w);
    view.y = Math.min(Math.max(0, view.y + from[1] - y), height - view.h);
    show();
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, () => { from = null; });
  const level = one("[data-do=level]", figure), span = one("[data-do=width]", figure);
  const window_ = () => {
    // grey values from level - width/2 to level + width/2 are spread from black to white
    const slope = 255 / Number(span.value);
    const intercept = 0.5 - (Number(level.value) / 255) * slope;
    for (const part of all("feFuncR, feFuncG, feFuncB", svg)) {
      part.setAttribute("slope", slope.toFixed(4));
      part.setAttribute("intercept", intercept.toFixed(4));
    }
  };
  for (const range of [level, span]) range?.addEventListener("input", window_);
}
all("[data-xray]").forEach(setUpXray);

// a row of findings points to its box
for (const row of all("tr[data-points]")) {
  const box = one(`.xray[data-study="${row.dataset.study}"] [data-box="${row.dataset.points}"]`);
  if (!box) continue;
  row.tabIndex = 0;
  for (const name of ["mouseenter", "focus"]) row.addEventListener(name, () => box.classList.add("pointed"));
  for (const name of ["mouseleave", "blur"]) row.addEventListener(name, () => box.classList.remove("pointed"));
}

function nextBoxes() {
  for (const figure of all("[data-xray]")) {
    const radios = all(".choice input[type=radio]", figure);
    if (!radios.length) continue;
    const at = radios.findIndex((radio) => radio.checked);
    radios[(at + 1) % radios.length].checked = true;
  }
}

// ---- buttons ----

const doing = {
  theme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* storage may be off */ }
  },
  help() { one("#keys").showModal(); },
  copy(button) {
    navigator.clipboard?.writeText(button.dataset.text).then(() => { button.textContent = "copied"; });
  },
  "zoom-in"(button) { button.closest("[data-xray]").zoom(1 / 1.4); },
  "zoom-out"(button) { button.closest("[data-xray]").zoom(1.4); },
  "zoom-reset"(button) { button.closest("[data-xray]").whole(); },
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) doing[button.dataset.do]?.(button);
});
for (const select of all("select[data-do=submit]")) select.addEventListener("change", () => select.form.submit());

// ---- narrow screens begin with the list, not with its facets ----

if (matchMedia("(max-width: 60rem)").matches) for (const fold of all("details[data-open-wide]")) fold.open = false;

// ---- keys ----

function move(step) {
  const items = all("[data-list] [data-item]");
  if (!items.length) {
    one(step > 0 ? "a[rel=next]" : "a[rel=prev]")?.click();
    return;
  }
  const at = items.findIndex((item) => item.classList.contains("at"));
  const next = at < 0 ? (step > 0 ? 0 : items.length - 1) : at + step;
  if (next < 0 || next >= items.length) { one(step > 0 ? "a[rel=next]" : "a[rel=prev]")?.click(); return; }
  items[at]?.classList.remove("at");
  items[next].classList.add("at");
  items[next].scrollIntoView({ block: "nearest" });
  one("a.say", items[next]).focus({ preventScroll: true });
}

const keys = {
  j() { move(1); },
  k() { move(-1); },
  "/"() { one("#find, #big")?.focus(); },
  "?"() { doing.help(); },
  b: nextBoxes,
  "+"() { all("[data-xray]").forEach((figure) => figure.zoom?.(1 / 1.4)); },
  "-"() { all("[data-xray]").forEach((figure) => figure.zoom?.(1.4)); },
  0() { all("[data-xray]").forEach((figure) => figure.whole?.()); },
  o() {
    const steps = all("details.step"), open = steps.some((step) => !step.open);
    for (const step of steps) step.open = open;
  },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=radio], [type=range]), textarea, select, dialog[open]")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// ---- the quiz: where on the picture, whatever its size on the screen ----

for (const form of all("form[data-quiz]")) {
  one("[data-place]", form).addEventListener("click", (event) => {
    const picture = event.currentTarget.getBoundingClientRect();
    if (!event.detail) return; // pressed by key: no place
    form.elements.part_x.value = ((event.clientX - picture.left) / picture.width).toFixed(4);
    form.elements.part_y.value = ((event.clientY - picture.top) / picture.height).toFixed(4);
  });
}

// ---- completion in the Ask box: tables, columns, func_vqa ----

async function setUpAsk(form) {
  const box = one("textarea", form), list = one(".completions", form);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  const base = form.elements.base?.value;
  const answer = await fetch(`/schema.json${base ? `?base=${encodeURIComponent(base)}` : ""}`);
  if (!answer.ok) return;
  const tables = await answer.json();
  const words = [...Object.keys(tables), ...new Set(Object.values(tables).flat()), 'func_vqa("', "select", "from", "where", "group by", "order by", "limit", "count(*)", "distinct"];
  let offered = [], at = 0, start = 0;
  const close = () => { list.hidden = true; offered = []; };
  const show = () => {
    list.replaceChildren(...offered.map((word, place) => {
      const line = document.createElement("li");
      line.textContent = word;
      line.role = "option";
      line.ariaSelected = String(place === at);
      line.addEventListener("mousedown", (event) => { event.preventDefault(); at = place; take(); });
      return line;
    }));
    list.hidden = !offered.length;
  };
  const take = () => {
    const end = box.selectionStart;
    box.setRangeText(offered[at], start, end, "end");
    close();
    box.focus();
  };
  const offer = () => {
    const before = box.value.slice(0, box.selectionStart);
    const found = before.match(/(?:(\w+)\.)?(\w*)$/);
    const [, table, word] = found;
    start = box.selectionStart - word.length;
    if (!table && word.length < 2) { close(); return; }
    const from = table ? tables[table.toLowerCase()] ?? tables[alias(table)] ?? [] : words;
    offered = from.filter((name) => name.startsWith(word.toLowerCase()) && name !== word).slice(0, 8);
    at = 0;
    const line = before.split("\n").length, style = getComputedStyle(box);
    list.style.top = `${Math.min(line * parseFloat(style.lineHeight) + 10 - box.scrollTop, box.offsetHeight)}px`;
    list.style.left = "1rem";
    show();
  };
  const alias = (name) => box.value.match(new RegExp(`\\b(\\w+)\\s+(?:as\\s+)?${name}\\b`, "i"))?.[1].toLowerCase();
  box.addEventListener("input", offer);
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length;
      show();
    } else if (event.key === "Tab") { event.preventDefault(); take(); }
    else if (event.key === "Escape") { event.preventDefault(); close(); }
  });
}
all("form[data-ask]").forEach(setUpAsk);
