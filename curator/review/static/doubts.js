// Doubt mode: the worst suspects first, with images of the given and of the suggested class on either side.

import { get, picture, post, prefetch } from "./api.js";
import { basename, chance, counted, el, key, percent, replace } from "./dom.js";
import { thumbnail } from "./label.js";
import { Mode } from "./mode.js";
import { Picker } from "./picker.js";

export class Doubts extends Mode {
  static id = "doubts";
  static title = "Doubt";
  static help = [
    ["← or 1", "keep: the given label is right"],
    ["→ or 2", "fix: the suggested label is right"],
    ["a letter", "fix: type the right class"],
    [". or 3", "ambiguous: more than one is right"],
    ["- or 4", "not an image of any class: remove the label"],
    ["Space", "go on without a verdict"],
    ["Backspace", "take back; with Shift, do again"],
  ];

  constructor(app) {
    super(app);
    this.card = null;
    this.cards = [];
    this.picker = new Picker((label) => this.judge("fix", label), { placeholder: "Another class …" });
    this.photo = el("img", { class: "photo", alt: "" });
    this.caption = el("figcaption", { class: "caption" });
    this.given = el("section", { class: "side given" });
    this.suggested = el("section", { class: "side suggested" });
    this.middle = el("figure", { class: "frame" }, el("div", { class: "mat" }, this.photo), this.caption);
    this.foot = el(
      "div",
      { class: "actions wide" },
      el("button", { onclick: () => this.judge("ambiguous") }, "Ambiguous", key(".")),
      el("button", { onclick: () => this.judge("none") }, "No class fits", key("-")),
      el("button", { onclick: () => this.pass() }, "Later", key("Space")),
      el("button", { onclick: () => this.replay("undo") }, "Take back", key("⌫")),
      this.picker.node,
    );
    this.node = el("div", { class: "doubt-mode" }, this.given, this.middle, this.suggested, this.foot);
  }

  async enter() {
    this.app.saved("auditing the labels …");
    this.show(await get("/api/doubts"));
    this.app.saved("");
  }

  show({ cards, progress }) {
    this.cards = cards;
    this.card = cards[0] ?? null;
    this.progress(progress);
    this.picker.update(progress.classes, this.card?.suggested);
    this.picker.list.hidden = true;
    this.node.classList.toggle("done", !this.card);
    if (!this.card) return this.finished();
    const { id, path, label, suggested, error_probability: wrong, sides } = this.card;
    this.photo.src = picture(id, "large");
    this.photo.alt = `Image ${basename(path)}`;
    replace(
      this.caption,
      el("span", { class: "path", title: path }, path),
      el("span", { class: "reason" }, `probability of a wrong label ${chance(wrong)}`),
    );
    this.side(this.given, "Given", label ?? "no label", "←", sides[0], () => this.judge("keep"), "keep");
    const other = sides[1] ?? { votes: 0, signals: [], neighbors: [] };
    this.side(this.suggested, "Suggested", suggested, "→", other, () => this.judge("fix", suggested), "fix");
    prefetch(cards.slice(1).map((card) => card.id), "large");
    return undefined;
  }

  side(place, title, label, arrow, { votes, signals, neighbors }, choose, verb) {
    replace(
      place,
      el("h2", {}, title),
      el("button", { class: `accept ${verb}`, onclick: choose }, el("span", { class: "name" }, label), key(arrow)),
      el("p", { class: "others" }, `${counted(votes, "neighbour")} of the nearest 20`),
      signals.length ? el("p", { class: "others" }, `likeliest by ${signals.join(" and ").replaceAll("_", " ")}`) : null,
      el("ul", { class: "strip column" }, neighbors.map(thumbnail)),
    );
  }

  finished() {
    replace(this.caption, el("span", { class: "reason" }, "No label is in doubt any more."));
    replace(this.given);
    replace(this.suggested);
  }

  progress({ suspects, judged, precision, right, wrong, remaining, remaining_low: low, remaining_high: high }) {
    const bar = el("span");
    bar.style.width = `${(100 * judged) / Math.max(suspects, 1)}%`;
    replace(
      document.getElementById("progress"),
      el("div", { class: "track", "aria-hidden": "true" }, bar),
      el(
        "p",
        {},
        el("span", {}, el("b", {}, judged.toLocaleString("en")), ` of ${counted(suspects, "suspect")} judged`),
        precision === null
          ? el("span", { class: "faint" }, "precision: after the first verdicts")
          : el("span", {}, "precision so far ", el("b", {}, percent(precision)), el("span", { class: "faint" }, ` (${wrong} wrong, ${right} right)`)),
        el("span", {}, "errors that remain: about ", el("b", {}, remaining.toLocaleString("en")), el("span", { class: "faint" }, ` (${low} to ${high})`)),
      ),
    );
  }

  key(event) {
    const { key: pressed } = event;
    if (pressed === "ArrowLeft" || pressed === "1") this.judge("keep");
    else if (pressed === "ArrowRight" || pressed === "2") this.card && this.judge("fix", this.card.suggested);
    else if (pressed === "." || pressed === "3") this.judge("ambiguous");
    else if (pressed === "-" || pressed === "4") this.judge("none");
    else if (pressed === " ") this.pass();
    else if (pressed === "Backspace") this.replay(event.shiftKey ? "redo" : "undo");
    else if (pressed === "=") this.card && this.app.search(this.card.id);
    else {
      if (/^\p{L}$/u.test(pressed) && this.picker.take(event)) this.picker.list.hidden = false;
      return;
    }
    event.preventDefault();
  }

  judge(verdict, label = null) {
    if (!this.card) return;
    const ids = [this.card.id];
    this.app.act(async () => {
      this.show(await post("/api/doubts", { ids, verdict, label }));
      this.app.saved({ keep: "kept", fix: `now ${label}`, ambiguous: "ambiguous", none: "label removed" }[verdict]);
    });
  }

  pass() {
    if (!this.card) return;
    const ids = [this.card.id];
    this.app.act(async () => this.show(await post("/api/skip", { ids, view: Doubts.id })));
  }
}
