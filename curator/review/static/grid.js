// Grid mode: images that are probably of one class, accepted at once; those left out come next, one by one.

import { get, picture, post } from "./api.js";
import { basename, chance, counted, el, key, replace, step } from "./dom.js";
import { Mode } from "./mode.js";
import { Picker } from "./picker.js";

export class Grid extends Mode {
  static id = "grid";
  static title = "Grid";
  static help = [
    ["Enter", "all that are not left out are of the proposed class"],
    ["click or Space", "leave an image out, to be asked next; or take it in again"],
    ["arrows", "move between images"],
    ["1 – 9, 0 or a letter", "all are of another class"],
    [".", "other images first"],
    ["Backspace", "take back; with Shift, do again"],
  ];

  constructor(app) {
    super(app);
    this.tiles = [];
    this.out = new Set();
    this.picker = new Picker((label) => this.answer(label));
    this.heading = el("div", { class: "proposal", "aria-live": "polite" });
    this.list = el("ul", { class: "tiles", "aria-label": "Images" });
    this.node = el(
      "div",
      { class: "split grid-mode" },
      this.list,
      el(
        "aside",
        { class: "panel", "aria-label": "What are they?" },
        this.heading,
        this.picker.node,
        el(
          "div",
          { class: "actions" },
          el("button", { onclick: () => this.skip() }, "Others first", key(".")),
          el("button", { onclick: () => this.replay("undo") }, "Take back", key("⌫")),
        ),
      ),
    );
  }

  async enter() {
    this.show(await get("/api/grid"));
  }

  follow(progress) {
    this.app.progress(progress);
  }

  show({ tiles, rejected, cards, progress }) {
    this.tiles = tiles;
    this.rejected = rejected;
    this.proposed = cards[0]?.proposals.find(({ label }) => label !== rejected);
    this.out.clear();
    this.app.progress(progress);
    this.picker.update(progress.classes, this.proposed?.label);
    this.list.classList.toggle("few", tiles.length < 4);
    replace(this.list, tiles.map((tile) => this.tile(tile)));
    this.headline();
  }

  tile(tile) {
    const button = el(
      "button",
      { "aria-pressed": "true", onclick: () => this.toggle(tile, button) },
      el("img", { src: picture(tile.id, this.tiles.length < 4 ? "large" : "small"), alt: basename(tile.path) }),
    );
    return el("li", {}, button);
  }

  toggle(tile, button) {
    const out = !this.out.delete(tile.id) && Boolean(this.out.add(tile.id));
    button.setAttribute("aria-pressed", String(!out));
    this.headline();
  }

  headline() {
    replace(this.heading, ...this.told());
  }

  told() {
    const count = this.tiles.length - this.out.size;
    if (!this.tiles.length) return [el("p", { class: "hint" }, "Every image has a label, was set aside, or is in somebody else's hands.")];
    const alone = "alone, because nothing much like it is known yet";
    const others = this.tiles.length === 1 ? alone : `for ${counted(count, "image")}; click those that are something else`;
    const why = this.rejected ? `left out before: not ${this.rejected}` : others;
    if (!this.proposed) return [el("p", { class: "hint" }, "Type what this is."), el("p", { class: "others" }, why)];
    return [
      el(
        "button",
        { class: "accept", onclick: () => this.answer(this.proposed.label) },
        el("span", { class: "name" }, this.proposed.label),
        this.rejected ? null : el("span", { class: "probability" }, chance(this.proposed.probability)),
        key("Enter"),
      ),
      el("p", { class: "others" }, why),
    ];
  }

  key(event) {
    const back = event.key === "Backspace";
    if (event.key === "Enter") this.proposed && this.answer(this.proposed.label);
    else if (event.key === ".") this.skip();
    else if (back) this.replay(event.shiftKey ? "redo" : "undo");
    else if (event.key.startsWith("Arrow")) step(this.list, event.key);
    else {
      this.picker.take(event);
      return;
    }
    event.preventDefault();
  }

  answer(label) {
    const ids = this.tiles.map((tile) => tile.id).filter((id) => !this.out.has(id));
    if (!ids.length) return;
    this.app.act(async () => {
      this.show(await post("/api/label", { ids, label, left_out: [...this.out], view: Grid.id }));
      this.app.saved(`${counted(ids.length, "image")}: ${label}`);
    });
  }

  skip() {
    if (!this.tiles.length) return;
    this.app.act(async () => this.show(await post("/api/skip", { ids: this.tiles.map((tile) => tile.id), view: Grid.id })));
  }
}
