"use strict";
// Text of the model reaches the page through textContent alone.
const stage = document.querySelector("main");
const panel = document.querySelector("aside");
const search = document.querySelector("#search");
const found = document.querySelector("#found");
const levels = document.querySelector("#levels");
const pictures = [...stage.querySelectorAll("svg")];
const layers = JSON.parse(document.querySelector("#layers").textContent);
const whole = new Map(pictures.map((svg) => [svg, svg.viewBox.baseVal.width
  ? { x: 0, y: 0, width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height } : null]));
let picture = pictures.find((svg) => !svg.hasAttribute("hidden"));
let view = { x: 0, y: 0, scale: 1 };
let hits = [];
let hit = -1;

function draw() {
  const { clientWidth, clientHeight } = stage;
  const size = [clientWidth / view.scale, clientHeight / view.scale];
  picture.setAttribute("viewBox", [view.x, view.y, ...size].map((n) => n.toFixed(2)).join(" "));
}

function fit() {
  const box = whole.get(picture);
  const scale = Math.min(stage.clientWidth / box.width, stage.clientHeight / box.height, 1.5);
  // A tall model begins at its top, in a size that can be read.
  const readable = Math.max(scale, Math.min(0.8, stage.clientWidth / box.width));
  view = { scale: readable, x: (box.width - stage.clientWidth / readable) / 2,
    y: Math.min(0, (box.height - stage.clientHeight / readable) / 2) };
  draw();
}

function fitAll() {
  const box = whole.get(picture);
  const scale = Math.min(stage.clientWidth / box.width, stage.clientHeight / box.height, 1.5);
  view = { scale, x: (box.width - stage.clientWidth / scale) / 2,
    y: (box.height - stage.clientHeight / scale) / 2 };
  draw();
}

function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const scale = Math.min(6, Math.max(0.01, view.scale * factor));
  view = { scale, x: view.x + x / view.scale - x / scale, y: view.y + y / view.scale - y / scale };
  draw();
}

function pan(x, y) {
  view = { ...view, x: view.x + x / view.scale, y: view.y + y / view.scale };
  draw();
}

function centre(node) {
  const at = node.getBoundingClientRect(), home = stage.getBoundingClientRect();
  if (at.height * at.width === 0) return;
  if (view.scale < 0.5) zoom(0.9 / view.scale);
  const now = node.getBoundingClientRect();
  const tall = now.height > home.height;
  pan(now.left + now.width / 2 - home.left - home.width / 2,
    tall ? now.top - home.top - 20 : now.top + now.height / 2 - home.top - home.height / 2);
}

function show(svg) {
  for (const one of pictures) one.toggleAttribute("hidden", one !== svg);
  picture = svg;
  if (levels) levels.value = String(pictures.indexOf(svg));
  fit();
  look();
}

const nodes = (svg) => [...svg.querySelectorAll(".node")];

function find(path) {
  for (const svg of [picture, ...pictures]) {
    const node = nodes(svg).find((one) => one.dataset.path === path);
    if (node) return [svg, node];
  }
  return [picture, null];
}

function put(parent, name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}

function list(title, items) {
  if (!items.length) return;
  put(panel, "h3", title);
  const rows = put(panel, "ul", "");
  for (const item of items) put(rows, "li", item);
}

function describe(path) {
  const layer = Object.hasOwn(layers, path) ? layers[path] : null;
  panel.hidden = !layer;
  panel.replaceChildren();
  if (!layer) return;
  put(panel, "h2", path);
  put(panel, "p", layer.class);
  if (layer.trainable === false) put(panel, "p", "not trainable");
  if (layer.parameters !== null) put(panel, "p", `${layer.parameters.toLocaleString("en")} parameters`);
  list(layer.calls.length > 1 ? "Calls" : "Output", layer.calls);
  list("Variables", layer.variables);
  if (!layer.config.length) return;
  put(panel, "h3", "Configuration");
  const rows = put(panel, "dl", "");
  for (const [key, value] of layer.config) { put(rows, "dt", key); put(rows, "dd", value); }
}

function choose(follow = true) {
  let path;
  try { path = new URLSearchParams(location.hash.slice(1)).get("layer"); } catch { path = null; }
  for (const one of stage.querySelectorAll(".chosen")) one.classList.remove("chosen");
  describe(path ?? "");
  if (path === null) return draw();
  const [svg, node] = find(path);
  if (!node) return draw();
  if (svg !== picture && !follow) return draw();
  if (svg !== picture) show(svg);
  for (const one of nodes(svg)) one.classList.toggle("chosen", one.dataset.path === path);
  draw();
  const at = node.getBoundingClientRect(), home = stage.getBoundingClientRect();
  const seen = at.bottom > home.top && at.top < home.bottom && at.right > home.left && at.left < home.right;
  if (!seen || view.scale < 0.5) centre(node);
}

const link = (path) => `#${new URLSearchParams({ layer: path })}`;

function look() {
  const words = search.value.trim().toLowerCase();
  const matches = (node) => words && (node.dataset.path.toLowerCase().includes(words)
    || (layers[node.dataset.path]?.class ?? "").toLowerCase().includes(words));
  hits = nodes(picture).filter(matches);
  for (const node of nodes(picture)) node.classList.toggle("hit", hits.includes(node));
  hit = -1;
  found.textContent = words ? `${hits.length} found` : "";
}

function next(step) {
  if (!hits.length) return;
  hit = (hit + step + hits.length) % hits.length;
  found.textContent = `${hit + 1} of ${hits.length}`;
  centre(hits[hit]);
  location.hash = link(hits[hit].dataset.path);
}

function walk(step) {
  const all = nodes(picture);
  const at = all.findIndex((one) => one.classList.contains("chosen"));
  const node = all[Math.min(all.length - 1, Math.max(0, at + step))];
  location.hash = link(node.dataset.path);
}

let grip = null;
stage.addEventListener("pointerdown", (event) => {
  if (event.button === 0) grip = { x: event.clientX, y: event.clientY, moved: false };
});
window.addEventListener("pointermove", (event) => {
  if (!grip || !(event.buttons & 1)) return;
  const [x, y] = [grip.x - event.clientX, grip.y - event.clientY];
  if (!grip.moved && Math.abs(x) + Math.abs(y) < 4) return;
  stage.classList.add("moving");
  pan(x, y);
  grip = { x: event.clientX, y: event.clientY, moved: true };
});
window.addEventListener("pointerup", () => stage.classList.remove("moving"));
stage.addEventListener("click", (event) => {
  const node = event.target.closest(".node");
  const moved = grip?.moved;
  grip = null;
  if (moved) return;
  location.hash = node ? link(node.dataset.path) : "#";
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = stage.getBoundingClientRect();
  const amount = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
  if (event.shiftKey) pan(event.deltaX || amount, 0);
  else zoom(Math.exp(-amount / 400), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });

const keys = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": fitAll, "1": fit,
  ArrowLeft: () => pan(-80, 0), ArrowRight: () => pan(80, 0),
  ArrowUp: () => pan(0, -80), ArrowDown: () => pan(0, 80),
  PageUp: () => pan(0, -stage.clientHeight), PageDown: () => pan(0, stage.clientHeight),
  n: () => walk(1), p: () => walk(-1), "/": () => search.focus(), Escape: () => { location.hash = "#"; },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, details, aside")) {
    if (event.key === "Escape") stage.focus();
    return;
  }
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
search.addEventListener("input", look);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
});
document.querySelector("#larger").addEventListener("click", () => zoom(1.25));
document.querySelector("#smaller").addEventListener("click", () => zoom(0.8));
document.querySelector("#fit").addEventListener("click", fitAll);
levels?.addEventListener("change", () => { show(pictures[Number(levels.value)]); choose(false); });
window.addEventListener("hashchange", () => choose());
window.addEventListener("resize", draw);
// On paper the whole picture stands in its own size.
window.addEventListener("beforeprint", () => {
  const box = whole.get(picture);
  picture.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
});
window.addEventListener("afterprint", draw);
fit();
choose();
