// Map mode: every image a point. Drag to move, wheel to zoom, lasso to list and label.

import { bytes, get, picture, post } from "./api.js";
import { dark, palette, tint } from "./colours.js";
import { counted, el, key, replace } from "./dom.js";
import { Mode } from "./mode.js";
import { Picker } from "./picker.js";
import { Cells, Points } from "./points.js";

const WAYS = [["given", "given label"], ["proposed", "proposed label"], ["doubt", "doubt"]];
const SMOOTH_MS = 30; // a frame that takes longer is thinned out while the map is being moved
const POLL_MS = 700;

export class MapMode extends Mode {
  static id = "map";
  static title = "Map";
  static help = [
    ["drag", "move the map; arrows do too"],
    ["wheel, + and −", "nearer and farther; 0 shows all"],
    ["Shift + drag", "a lasso: list what is inside"],
    ["Enter", "list all that shows: a lasso by keys alone"],
    ["L", "every drag is a lasso, or none"],
    ["click an image in the list", "leave it out, or take it in again"],
    ["1 – 9", "label what is inside and has no label"],
    ["C", "the next way to colour"],
    ["Backspace", "take back; with Shift, do again"],
  ];

  constructor(app) {
    super(app);
    this.by = "proposed";
    this.view = { x: 0, y: 0, zoom: 1 };
    this.out = new Set();
    this.canvas = el("canvas", { tabIndex: 0, "aria-label": "Map of all images" });
    this.sketch = el("canvas", { class: "sketch", "aria-hidden": "true" });
    this.hover = el("figure", { class: "hover", hidden: true });
    this.message = el("p", { class: "making", role: "status" });
    this.legend = el("ul", { class: "legend" });
    this.ways = el("select", { "aria-label": "Colour by", onchange: () => this.colour(this.ways.value) },
      WAYS.map(([value, label]) => el("option", { value }, label)));
    this.tool = el("button", { "aria-pressed": "false", onclick: () => this.toggle() }, "Lasso", key("L"));
    this.picker = new Picker((label) => this.label(label));
    this.tiles = el("ul", { class: "tiles small" });
    this.inside = el("div", { class: "inside", "aria-live": "polite" });
    this.node = el(
      "div",
      { class: "split map-mode" },
      el("div", { class: "canvas" }, this.canvas, this.sketch, this.message, this.hover,
        el("div", { class: "tools" }, this.ways, this.tool), this.legend),
      el("aside", { class: "panel", "aria-label": "Inside the lasso" }, this.inside, this.picker.node, this.tiles),
    );
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointerleave", () => (this.hover.hidden = true));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), this.place(event));
    }, { passive: false });
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  async enter() {
    this.visit = Symbol("visit");
    this.empty();
    this.ways.value = this.by;
    if (!this.ids) this.wait(this.visit);
    else await this.colour(this.by);
  }

  leave() {
    this.visit = null;
  }

  // No step: the person may go elsewhere meanwhile, and come back.
  async wait(visit) {
    for (let dots = 0; this.visit === visit; dots = (dots + 1) % 4) {
      let status;
      try {
        status = await get("/api/map");
      } catch (error) {
        this.message.textContent = error.message;
        return undefined;
      }
      if (status.ready) return this.app.soon(async () => this.visit === visit && this.load(status));
      this.message.textContent = `Laying out ${counted(status.images, "image")} ${".".repeat(dots)}`;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async load({ images }) {
    const [data, tables] = [await bytes("/api/map/points"), await bytes("/api/map/palettes")];
    this.tables = new Uint8Array(tables);
    this.places = new Float32Array(data, 0, 2 * images);
    this.ids = new Int32Array(data, 8 * images, images);
    try {
      this.points ??= new Points(this.canvas);
    } catch (error) {
      this.message.textContent = error.message;
      return;
    }
    this.points.load(this.places);
    this.cells = new Cells(this.places);
    this.message.textContent = "";
    this.resize();
    await this.colour(this.by);
  }

  async colour(by) {
    const { visit } = this;
    this.by = this.ways.value = by;
    if (!this.ids) return; // not there yet: it will be coloured then
    try {
      const status = await get("/api/map");
      if (status.images !== this.ids.length) {
        this.wait(visit); // others were embedded meanwhile
        return;
      }
      const data = await bytes("/api/map/colours", { by });
      if (this.visit !== visit) return;
      this.classes = status.classes;
      this.colours = new Uint8Array(data);
      this.message.textContent = "";
    } catch (error) {
      this.message.textContent = error.message;
      return;
    }
    this.picker.update(this.classes.map((each) => ({ name: each })));
    this.count();
    this.paint();
  }

  count() {
    const some = this.colours.reduce((sum, code) => sum + (code < 255), 0);
    const what = { given: "labelled", proposed: "with a label or a proposal", doubt: "labels looked at" }[this.by];
    replace(document.getElementById("progress"), el("div", { class: "track" }), el("p", {},
      el("span", {}, el("b", {}, this.ids.length.toLocaleString("en")), " images"),
      el("span", {}, el("b", {}, some.toLocaleString("en")), ` ${what}`)));
  }

  paint() {
    if (!this.points || !this.colours) return;
    const colours = palette(this.tables, this.by);
    this.points.paint(this.colours, colours);
    const names = this.by === "doubt" ? [["sound", 0], ["doubtful", 127], ["wrong", 254]] : this.classes.slice(0, 12).map((each, code) => [each, code]);
    replace(this.legend, names.map(([label, code]) => {
      const dot = el("span", { class: "dot" });
      dot.style.background = `rgb(${tint(colours, code)})`;
      return el("li", {}, dot, label);
    }));
    this.draw();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width) return;
    for (const each of [this.canvas, this.sketch]) {
      each.width = Math.round(box.width * devicePixelRatio);
      each.height = Math.round(box.height * devicePixelRatio);
    }
    this.draw();
  }

  scales() {
    const { width, height } = this.canvas;
    const unit = (0.94 * this.view.zoom * Math.min(width, height)) / 2; // pixels for one unit of the map
    return { unit, scaleX: (2 * unit) / width, scaleY: (2 * unit) / height };
  }

  draw() {
    if (this.waiting || !this.points?.count || !this.colours) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      const base = this.ids.length > 200_000 ? 1.6 : this.ids.length > 20_000 ? 2.6 : 4.5;
      const size = Math.min(base * Math.sqrt(this.view.zoom), 22) * devicePixelRatio;
      const view = { ...this.view, ...this.scales(), size };
      this.frame ??= this.points.measure(view);
      const every = this.held ? Math.min(Math.max(Math.round(this.frame / SMOOTH_MS), 1), 31) : 1;
      this.points.draw({ ...view, every });
      this.outline();
    });
  }

  outline() {
    const context = this.sketch.getContext("2d");
    context.clearRect(0, 0, this.sketch.width, this.sketch.height);
    if (!this.lasso?.length) return;
    context.beginPath();
    for (const [x, y] of this.lasso) context.lineTo(...this.pixel(x, y));
    context.closePath();
    context.strokeStyle = dark() ? "#83c7b0" : "#2a6a58";
    context.fillStyle = "rgb(42 106 88 / 0.12)";
    context.lineWidth = 1.5 * devicePixelRatio;
    context.fill();
    context.stroke();
  }

  pixel(x, y) {
    const { unit } = this.scales();
    return [this.sketch.width / 2 + (x - this.view.x) * unit, this.sketch.height / 2 - (y - this.view.y) * unit];
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const unit = this.scales().unit / devicePixelRatio;
    return [
      this.view.x + (event.clientX - box.left - box.width / 2) / unit,
      this.view.y - (event.clientY - box.top - box.height / 2) / unit,
    ];
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.held = this.place(event);
    this.drawing = this.tool.getAttribute("aria-pressed") === "true" || event.shiftKey;
    if (this.drawing) this.lasso = [this.held];
    this.hover.hidden = true;
  }

  move(event) {
    if (!this.ids) return;
    const at = this.place(event);
    if (!this.held) return void this.point(event, at);
    if (this.drawing) this.lasso.push(at);
    else {
      this.view.x += this.held[0] - at[0];
      this.view.y += this.held[1] - at[1];
    }
    this.draw();
  }

  release() {
    if (this.drawing && this.lasso.length > 2) this.ask();
    this.held = null;
    this.drawing = false;
    this.draw();
  }

  point(event, [x, y]) {
    const unit = this.scales().unit / devicePixelRatio;
    const found = this.cells.nearest(x, y, Math.min(10 / unit, 0.2));
    this.hover.hidden = found < 0;
    if (found < 0) return;
    const box = this.canvas.getBoundingClientRect();
    const right = event.clientX - box.left > box.width - 190;
    this.hover.style.left = `${event.clientX - box.left + (right ? -176 : 16)}px`;
    this.hover.style.top = `${Math.min(event.clientY - box.top + 12, box.height - 190)}px`;
    if (this.pointed === found) return;
    this.pointed = found;
    const code = this.colours[found];
    const label = this.by === "doubt" ? (code < 255 ? `doubt ${Math.round(code / 2.54)} %` : "no label") : (this.classes[code] ?? "no label");
    replace(this.hover, el("img", { src: picture(this.ids[found]), alt: "" }), el("figcaption", {}, label));
  }

  zoom(by, [x, y]) {
    const zoom = Math.min(Math.max(this.view.zoom * by, 0.5), 400);
    const share = 1 - this.view.zoom / zoom;
    this.view = { x: this.view.x + (x - this.view.x) * share, y: this.view.y + (y - this.view.y) * share, zoom };
    this.draw();
  }

  toggle() {
    this.tool.setAttribute("aria-pressed", String(this.tool.getAttribute("aria-pressed") !== "true"));
  }

  corners() {
    const step = Math.ceil(this.lasso.length / 500);
    return this.lasso.filter((_, place) => place % step === 0);
  }

  // A lasso without a pointer: around all that shows.
  whole() {
    if (!this.ids) return;
    const { scaleX, scaleY } = this.scales();
    const corner = (x, y) => [this.view.x + x / scaleX, this.view.y + y / scaleY];
    this.lasso = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
    this.ask();
  }

  ask() {
    this.app.act(() => this.list());
  }

  empty() {
    this.lasso = null;
    this.found = null;
    replace(this.tiles);
    replace(this.inside, el("p", { class: "hint" }, "Draw a lasso around images: hold Shift and drag."));
    this.picker.node.hidden = true;
    this.outline();
  }

  // What lies inside the lasso.
  async list() {
    this.fill(await post("/api/map/inside", { corners: this.corners() }));
  }

  fill(found) {
    this.found = found;
    this.out.clear();
    this.picker.node.hidden = !found.unlabelled;
    replace(this.tiles, found.ids.map((id) => this.tile(id)));
    this.headline();
  }

  async show() {
    if (this.found) await this.list();
    await this.colour(this.by);
  }

  headline() {
    const { count, unlabelled } = this.found;
    const left = this.out.size ? `, ${this.out.size} left out` : "";
    replace(this.inside, el("h2", {}, counted(count, "image"), " inside"),
      el("p", { class: "others" }, `${unlabelled.toLocaleString("en")} without a label${left}`));
  }

  tile(id) {
    const button = el("button", { "aria-pressed": "true", onclick: () => {
      const out = !this.out.delete(id) && Boolean(this.out.add(id));
      button.setAttribute("aria-pressed", String(!out));
      this.headline();
    } }, el("img", { src: picture(id), alt: `image ${id}`, loading: "lazy" }));
    return el("li", {}, button);
  }

  label(label) {
    if (!this.found) return;
    this.app.act(async () => {
      const said = await post("/api/map/label", { corners: this.corners(), ids: [...this.out], label });
      this.fill(said);
      await this.colour(this.by);
      this.app.saved(`${counted(said.labelled, "image")}: ${label}`);
    });
  }

  key(event) {
    const letter = event.key.toLowerCase();
    const middle = [this.view.x, this.view.y];
    const by = 0.15 / this.view.zoom;
    if (letter === "l" && !event.ctrlKey) this.toggle();
    else if (letter === "c" && !event.ctrlKey) this.colour(WAYS[(WAYS.findIndex(([way]) => way === this.by) + 1) % WAYS.length][0]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.4, middle);
    else if (event.key === "-") this.zoom(1 / 1.4, middle);
    else if (event.key === "0") this.view = { x: 0, y: 0, zoom: 1 };
    else if (event.key === "Enter") this.whole();
    else if (event.key === "Escape") this.empty();
    else if (event.key === "Backspace") this.replay(event.shiftKey ? "redo" : "undo");
    else if (event.key.startsWith("Arrow")) {
      this.view.x += by * ((event.key === "ArrowRight") - (event.key === "ArrowLeft"));
      this.view.y += by * ((event.key === "ArrowUp") - (event.key === "ArrowDown"));
    } else if (/^[1-9]$/.test(event.key) && this.found) this.picker.take(event);
    else return;
    event.preventDefault();
    this.draw();
  }
}
