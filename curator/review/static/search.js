// Search mode: images like one that is here, or like a file that is not.

import { picture, post, upload } from "./api.js";
import { chance, counted, el, refill, replace, step } from "./dom.js";
import { Mode } from "./mode.js";
import { Picker } from "./picker.js";

export class Search extends Mode {
  static id = "search";
  static title = "Search";
  static help = [
    ["drop a file", "images like it"],
    ["arrows", "move between images"],
    ["click or Space", "choose an image, or leave it"],
    ["double click or =", "images like this one"],
    ["1 – 9, 0 or a letter", "label the chosen images"],
    ["Backspace", "take back; with Shift, do again"],
  ];

  constructor(app) {
    super(app);
    this.images = [];
    this.chosen = new Set();
    this.file = el("input", { type: "file", accept: "image/*", hidden: true, onchange: () => this.upload(this.file.files[0]) });
    this.drop = el(
      "div",
      { class: "drop" },
      el("p", {}, "Drop an image here, or press = on any image in the other modes."),
      el("button", { onclick: () => this.file.click() }, "Choose a file"),
      this.file,
    );
    this.picker = new Picker((label) => this.label(label));
    this.picker.node.hidden = true;
    this.heading = el("div", { "aria-live": "polite" });
    this.list = el("ul", { class: "tiles found", "aria-label": "Found images" });
    this.node = el("div", { class: "split search-mode" }, this.list,
      el("aside", { class: "panel", "aria-label": "Search" }, this.drop, this.heading, this.picker.node));
    this.node.addEventListener("dragover", (event) => event.preventDefault());
    this.node.addEventListener("drop", (event) => {
      event.preventDefault();
      this.upload(event.dataTransfer.files[0]);
    });
  }

  async enter() {
    await this.show();
  }

  // Of what was found, what it is labelled now.
  async show() {
    if (this.images.length) this.draw(await this.labels());
  }

  async follow({ round }) {
    const { turn } = this.app;
    if (!this.images.length || round === this.round) return;
    this.round = round;
    const told = await this.labels();
    if (this.app.still(turn) && !this.picker.input.value) this.draw(told);
    else this.round = null; // the next time, then
  }

  async labels() {
    const told = await post("/api/search/labels", { ids: this.images.map(({ id }) => id) });
    return { ...told, images: told.images.map((now, place) => ({ ...this.images[place], ...now })) };
  }

  like(id) {
    this.app.soon(async () => this.found(await post("/api/search", { id })));
  }

  upload(file) {
    if (!file) return;
    this.app.soon(async () => {
      this.app.saved("looking …");
      this.found(await upload("/api/search/upload", file));
      this.app.saved("");
    });
  }

  found(told) {
    this.chosen.clear();
    this.picker.node.hidden = false;
    this.draw(told);
  }

  draw({ images, classes }) {
    this.images = images;
    this.picker.update(classes);
    refill(this.list, images.map((each) => this.tile(each)));
    this.headline();
  }

  headline() {
    const chosen = this.chosen.size ? `${counted(this.chosen.size, "image")} chosen` : "Click images to choose them";
    replace(this.heading, el("p", { class: "hint" }, `${chosen}; most similar first.`));
  }

  tile({ id, label, similarity, proposals }) {
    const button = el(
      "button",
      { "aria-pressed": String(this.chosen.has(id)), "data-of": id, ondblclick: () => this.like(id), onclick: () => {
        const now = !this.chosen.delete(id) && Boolean(this.chosen.add(id));
        button.setAttribute("aria-pressed", String(now));
        this.headline();
      } },
      el("img", { src: picture(id), alt: label ?? "unlabelled", title: `similarity ${similarity}` }),
    );
    const guess = proposals[0] && `${proposals[0].label} ${chance(proposals[0].probability)}`;
    return el("li", {}, button, el("span", { class: label ? "tag given" : "tag" }, label ?? (guess ? `${guess}?` : "–")));
  }

  label(label) {
    const ids = [...this.chosen];
    if (!ids.length) return;
    this.app.act(async () => {
      await post("/api/label", { ids, label, view: Search.id });
      this.chosen.clear();
      await this.show();
      this.app.saved(`${counted(ids.length, "image")}: ${label}`);
    });
  }

  key(event) {
    const { activeElement } = document;
    if (event.key.startsWith("Arrow")) step(this.list, event.key);
    else if (event.key === "=" && this.list.contains(activeElement)) activeElement.dispatchEvent(new MouseEvent("dblclick"));
    else if (event.key === "Backspace") this.replay(event.shiftKey ? "redo" : "undo");
    else if (!this.picker.node.hidden) {
      this.picker.take(event);
      return;
    } else return;
    event.preventDefault();
  }
}
