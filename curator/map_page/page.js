// A map that stands alone in its file: every image a point, its picture and name where the pointer is.

import { palette, tint } from "./colours.js";
import { Cells, Points } from "./points.js";

const NOTHING = 255;
const WAYS = { doubt: [["sound", 0], ["doubtful", 127], ["wrong", 254]] };

const data = JSON.parse(document.querySelector("script[type='application/json']").textContent);
const unpacked = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const places = new Float32Array(unpacked(data.places).buffer);
const labels = new Int32Array(unpacked(data.labels).buffer);
const codes = unpacked(data.codes);
const tables = unpacked(data.palettes);

const [canvas, hover, message] = ["canvas", "figure", "main > p"].map((each) => document.querySelector(each));
const view = { x: 0, y: 0, zoom: 1 };
let points, cells, held, alone, waiting;

function unit() { // pixels for one unit of the map
  return (0.94 * view.zoom * Math.min(canvas.width, canvas.height)) / 2;
}

function draw() {
  waiting ??= requestAnimationFrame(() => {
    waiting = null;
    const base = Math.min(Math.max(330 / Math.sqrt(codes.length || 1), 1.8), 10);
    const size = Math.min(base * Math.sqrt(view.zoom), 26) * devicePixelRatio;
    points.draw({ ...view, scaleX: (2 * unit()) / canvas.width, scaleY: (2 * unit()) / canvas.height, size });
  });
}

function paint() {
  const colours = palette(tables, data.by);
  points.paint(alone === undefined ? codes : codes.map((code) => (code === alone ? code : NOTHING)), colours);
  const keys = data.by === "doubt" ? WAYS.doubt.map(([name, code]) => ({ name, code })) : data.legend;
  const rest = data.nothing ? [{ name: data.by === "doubt" ? "no label" : "none", code: NOTHING, images: data.nothing }] : [];
  const list = document.querySelector("ul");
  list.replaceChildren(...[...keys, ...rest].map((each) => line(each, colours)));
  if (data.by !== "doubt" && data.more) list.append(made("li", `${data.more} more classes`));
  draw();
}

function line({ name, code, images }, colours) {
  const button = made("button");
  const dot = made("i");
  dot.style.background = `rgb(${tint(colours, code)})`;
  button.append(dot, made("span", name), made("small", images?.toLocaleString("en") ?? ""));
  button.disabled = data.by === "doubt" || code === NOTHING;
  button.setAttribute("aria-pressed", String(alone === code));
  button.addEventListener("click", () => {
    alone = alone === code ? undefined : code;
    paint();
  });
  const item = made("li");
  item.append(button);
  return item;
}

function made(tag, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  const scale = unit() / devicePixelRatio;
  return [
    view.x + (event.clientX - box.left - box.width / 2) / scale,
    view.y - (event.clientY - box.top - box.height / 2) / scale,
  ];
}

function point(event) {
  const found = cells.nearest(...place(event), Math.min((12 * devicePixelRatio) / unit(), 0.2));
  hover.hidden = found < 0;
  if (found < 0) return;
  const doubt = codes[found] === NOTHING ? "no label" : `doubt ${Math.round(codes[found] / 2.54)} %`;
  const name = data.classes[labels[found]] ?? "none";
  hover.querySelector("img").src = data.pictures[found] ? `data:image/jpeg;base64,${data.pictures[found]}` : "";
  hover.querySelector("figcaption").replaceChildren(
    made("b", data.by === "doubt" ? `${name}, ${doubt}` : name), made("span", data.paths[found]));
  const box = canvas.getBoundingClientRect();
  const right = event.clientX - box.left > box.width - 220;
  hover.style.left = `${event.clientX - box.left + (right ? -196 : 16)}px`;
  hover.style.top = `${Math.max(Math.min(event.clientY - box.top + 12, box.height - hover.offsetHeight - 8), 8)}px`;
}

function zoom(by, [x, y]) {
  const zoomed = Math.min(Math.max(view.zoom * by, 0.5), 400);
  const share = 1 - view.zoom / zoomed;
  Object.assign(view, { x: view.x + (x - view.x) * share, y: view.y + (y - view.y) * share, zoom: zoomed });
  hover.hidden = true;
  draw();
}

function all() {
  Object.assign(view, { x: 0, y: 0, zoom: 1 });
  draw();
}

function key(event) {
  const step = 0.15 / view.zoom;
  if (event.key === "+" || event.key === "=") zoom(1.4, [view.x, view.y]);
  else if (event.key === "-") zoom(1 / 1.4, [view.x, view.y]);
  else if (event.key === "0") all();
  else if (event.key.startsWith("Arrow")) {
    view.x += step * ((event.key === "ArrowRight") - (event.key === "ArrowLeft"));
    view.y += step * ((event.key === "ArrowUp") - (event.key === "ArrowDown"));
    draw();
  } else return;
  event.preventDefault();
}

function listen() {
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held = place(event);
    hover.hidden = true;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return void point(event);
    const at = place(event);
    view.x += held[0] - at[0];
    view.y += held[1] - at[1];
    draw();
  });
  canvas.addEventListener("pointerup", () => (held = null));
  canvas.addEventListener("pointerleave", () => (hover.hidden = true));
  canvas.addEventListener("dblclick", all);
  canvas.addEventListener("keydown", key);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), place(event));
  }, { passive: false });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new ResizeObserver(fit).observe(canvas);
}

function fit() {
  const box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * devicePixelRatio);
  canvas.height = Math.round(box.height * devicePixelRatio);
  draw();
}

try {
  points = new Points(canvas);
  points.load(places);
  cells = new Cells(places);
  paint();
  fit();
  listen();
} catch (error) {
  message.textContent = error.message;
}
