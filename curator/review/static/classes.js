// Classes mode: every class with its labels and a few of its images; of the chosen one, more.

import { get, picture } from "./api.js";
import { basename, counted, el, percent, refill, replace, step } from "./dom.js";
import { Mode } from "./mode.js";

const LISTED = 60; // images at a time
const MOST = 1200;

export class Classes extends Mode {
  static id = "classes";
  static title = "Classes";
  static help = [
    ["↑ and ↓", "move between classes"],
    ["Enter or click", "list the images of a class; on an image, those like it"],
    ["arrows", "from a class to its images, and between them"],
    ["=", "images like this one"],
    ["Escape", "from the images back to their class"],
    ["Backspace", "take back; with Shift, do again"],
  ];

  constructor(app) {
    super(app);
    this.classes = [];
    this.chosen = null; // name of a class
    this.list = el("ul", { class: "tiles found", "aria-label": "Images of the class" });
    this.heading = el("div", { "aria-live": "polite" });
    this.known = el("ul", { class: "known", "aria-label": "Classes" });
    this.node = el("div", { class: "split classes-mode" },
      el("aside", { class: "panel", "aria-label": "Classes" }, this.heading, this.known), this.list);
  }

  async enter() {
    await this.show(await get("/api/classes"));
  }

  async show(told) {
    this.draw(told, await this.images(told.classes));
  }

  async follow(progress) {
    const { turn } = this.app;
    this.app.progress(progress);
    if (progress.round === this.round) return;
    const told = await get("/api/classes");
    const listed = await this.images(told.classes);
    if (this.app.still(turn)) this.draw(told, listed);
  }

  choose(name, most = LISTED) {
    this.app.soon(async () => {
      this.chosen = name;
      this.most = most;
      this.fill(await this.images(this.classes));
    });
  }

  // Those of the chosen class, where it is one of these.
  async images(classes) {
    if (!classes.some(({ name }) => name === this.chosen)) return null;
    return get("/api/class", { name: this.chosen, most: this.most });
  }

  draw({ classes, progress }, listed) {
    this.app.progress(progress);
    this.round = progress.round;
    this.classes = classes;
    refill(this.known, classes.map((each) => el("li", {}, this.button(each))));
    this.fill(listed);
  }

  fill(listed) {
    const { count, images } = listed ?? { count: 0, images: [] };
    for (const button of this.known.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(listed !== null && button.dataset.of === this.chosen));
    }
    const shown = count === images.length ? "" : `, ${images.length.toLocaleString("en")} shown`;
    const none = this.classes.length ? "Choose a class to see its images." : "There is no label yet.";
    replace(this.heading, el("p", { class: "hint" }, listed ? `${this.chosen}: ${counted(count, "image")}${shown}` : none));
    const more = images.length === this.most && images.length < Math.min(count, MOST);
    refill(this.list, [...images.map((each) => this.tile(each)), more ? this.more() : null]);
  }

  button({ name, count, share, samples }) {
    return el(
      "button",
      { "data-of": name, onclick: () => this.choose(name) },
      el("span", { class: "name", title: name }, name),
      el("span", { class: "count" }, counted(count, "label"), el("br"), percent(share, 1)),
      samples.map((id) => el("img", { src: picture(id), alt: "", loading: "lazy" })),
    );
  }

  tile({ id, path }) {
    const image = el("img", { src: picture(id), alt: basename(path), title: path, loading: "lazy" });
    return el("li", {}, el("button", { "data-of": id, onclick: () => this.app.search(id) }, image));
  }

  more() {
    const onclick = () => this.choose(this.chosen, Math.min(this.most + LISTED, MOST));
    return el("li", {}, el("button", { class: "more", "data-of": "more", onclick }, "Show more"));
  }

  key(event) {
    const inside = this.list.contains(document.activeElement);
    const sideways = ["ArrowLeft", "ArrowRight"].includes(event.key);
    if (event.key.startsWith("Arrow")) step(inside || sideways ? this.list : this.known, event.key);
    else if (event.key === "=" && inside) document.activeElement.click();
    else if (event.key === "Escape") this.known.querySelector("[aria-pressed=true]")?.focus();
    else if (event.key === "Backspace") this.replay(event.shiftKey ? "redo" : "undo");
    else return;
    event.preventDefault();
  }
}
