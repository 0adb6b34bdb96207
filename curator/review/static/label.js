// Label mode: one image at a time, the best first.

import { get, picture, post, prefetch } from "./api.js";
import { basename, chance, el, key, percent, replace } from "./dom.js";
import { Mode } from "./mode.js";
import { Picker } from "./picker.js";

export class Label extends Mode {
  static id = "label";
  static title = "Label";
  static help = [
    ["Enter", "the proposed class"],
    ["1 – 9, 0", "a class by its number"],
    ["a letter", "type a class, or a new one"],
    ["Space or →", "skip: ask again later"],
    [".", "cannot tell: never ask again"],
    ["← or Backspace", "take back; any number of steps"],
    ["Shift + ←", "do again"],
    ["=", "more images like this one"],
  ];

  constructor(app) {
    super(app);
    this.picker = new Picker((label) => this.answer(label));
    this.card = null;
    this.photo = el("img", { class: "photo", alt: "" });
    this.caption = el("figcaption", { class: "caption" });
    this.proposal = el("div", { class: "proposal", "aria-live": "polite" });
    this.neighbors = el("div", { class: "neighbors" });
    this.node = el(
      "div",
      { class: "split label-mode" },
      el("figure", { class: "frame" }, el("div", { class: "mat" }, this.photo), this.caption),
      el(
        "aside",
        { class: "panel", "aria-label": "What is it?" },
        this.proposal,
        this.picker.node,
        el(
          "div",
          { class: "actions" },
          el("button", { onclick: () => this.skip() }, "Skip", key("→")),
          el("button", { onclick: () => this.answer(null) }, "Cannot tell", key(".")),
          el("button", { onclick: () => this.replay("undo") }, "Take back", key("←")),
        ),
        this.neighbors,
      ),
    );
  }

  async enter() {
    this.show(await get("/api/label"));
  }

  // What was not known yet when the image came: what it probably is. The image stays.
  async follow(progress) {
    const { app, card } = this;
    app.progress(progress);
    if (!card || card.proposals.length || progress.round === this.round) return;
    const { turn } = app;
    const found = await get("/api/label", { id: card.id });
    if (app.still(turn) && !this.picker.input.value) this.show(found);
  }

  show({ cards, progress }) {
    this.card = cards[0] ?? null;
    this.round = progress.round;
    this.app.progress(progress);
    this.picker.update(progress.classes, this.card?.proposals[0]?.label);
    if (!this.card) return this.finished();
    this.node.classList.remove("done");
    const { id, path, reason } = this.card;
    this.photo.src = picture(id, "large");
    this.photo.alt = `Image ${basename(path)}`;
    replace(this.caption, el("span", { class: "path", title: path }, path), el("span", { class: "reason" }, reason));
    replace(this.proposal, ...this.proposed());
    replace(this.neighbors, ...this.beside());
    prefetch(cards.slice(1).map((card) => card.id), "large");
    prefetch(cards.slice(1).flatMap((card) => card.neighbors.map((near) => near.id)));
  }

  finished() {
    this.node.classList.add("done");
    replace(this.caption, el("span", { class: "reason" }, "Every image has a label, was set aside, or is in somebody else's hands."));
    replace(this.proposal);
    replace(this.neighbors);
  }

  proposed() {
    const [first, ...others] = this.card.proposals;
    if (!first) return [el("p", { class: "hint" }, "Type what this is: the first labels name the classes.")];
    return [
      el(
        "button",
        { class: "accept", onclick: () => this.answer(first.label) },
        el("span", { class: "name" }, first.label),
        el("span", { class: "probability" }, chance(first.probability)),
        key("Enter"),
      ),
      meter(first.probability),
      others.length > 0 &&
        el("p", { class: "others" }, others.map((each) => `${each.label} ${chance(each.probability)}`).join(" · ")),
    ].filter(Boolean);
  }

  beside() {
    if (!this.card.neighbors.length) return [];
    return [
      el("h2", {}, "Nearest labelled"),
      el("ul", { class: "strip" }, this.card.neighbors.map(thumbnail)),
    ];
  }

  key(event) {
    if (this.picker.take(event)) return;
    const back = ["ArrowLeft", "Backspace"].includes(event.key);
    if (event.key === "Enter") this.card?.proposals[0] && this.answer(this.card.proposals[0].label);
    else if (event.key === " " || event.key === "ArrowRight") this.skip();
    else if (event.key === ".") this.answer(null);
    else if (event.key === "=") this.card && this.app.search(this.card.id);
    else if (back) this.replay(event.shiftKey ? "redo" : "undo");
    else return;
    event.preventDefault();
  }

  answer(label) {
    if (!this.card) return;
    const ids = [this.card.id];
    this.app.act(async () => {
      this.show(await post("/api/label", { ids, label, view: Label.id }));
      this.app.saved(label === null ? "set aside" : `saved: ${label}`);
    });
  }

  skip() {
    if (!this.card) return;
    const ids = [this.card.id];
    this.app.act(async () => this.show(await post("/api/skip", { ids, view: Label.id })));
  }
}

export function meter(share) {
  const bar = el("span");
  bar.style.width = percent(share, 1).replace(" ", "");
  return el("div", { class: "meter", "aria-hidden": "true" }, bar);
}

export function thumbnail(near) {
  return el(
    "li",
    {},
    el("img", { src: picture(near.id), alt: `similarity ${near.similarity}`, loading: "lazy" }),
    el("span", { class: "tag", title: `similarity ${near.similarity}` }, near.label ?? "–"),
  );
}
