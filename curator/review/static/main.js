// The frame around the modes: who is on stage, what is saved, which keys go where.

import { get, notice, open, post, Refused } from "./api.js";
import { counted, el, key, percent, replace } from "./dom.js";
import * as doubts from "./doubts.js";
import * as grid from "./grid.js";
import * as label from "./label.js";
import * as map from "./map.js";
import { Nametag } from "./nametag.js";
import * as search from "./search.js";

const MODES = [
  ["label", label, label.Label],
  ["grid", grid, grid.Grid],
  ["doubts", doubts, doubts.Doubts],
  ["map", map, map.MapMode],
  ["search", search, search.Search],
];
const FOLLOW_MS = 3000;
const everywhere = [
  ["[ and ]", "the mode before, the mode after"],
  ["Ctrl + Z", "take back; with Shift, do again"],
  ["?", "these keys"],
];

class App {
  constructor() {
    this.busy = null;
    this.modes = new Map(MODES.map(([id, module, Mode]) => [id, { module, view: new Mode(this) }]));
    this.current = null;
  }

  // Keys count only for what shows: while an answer is on its way, nothing else is taken.
  act(step) {
    this.busy ??= this.run(step).finally(() => (this.busy = null));
    return this.busy;
  }

  // What was asked for in words is done in its turn, never dropped.
  async soon(step) {
    while (this.busy) await this.busy;
    return this.act(step);
  }

  async run(step) {
    const stage = document.getElementById("stage");
    const within = stage.contains(document.activeElement);
    try {
      await step();
    } catch (error) {
      notice(error instanceof Refused ? error.message : `Something failed: ${error.message}`);
    }
    // What had the focus may be gone: who goes by Tab stays where the images are.
    if (within && !stage.contains(document.activeElement)) stage.focus({ preventScroll: true });
  }

  // Take back, or do again; `show` is given what a mode then shows.
  replay(way, view, show = () => {}) {
    this.act(async () => {
      const said = await post(`/api/${way}`, { view });
      show(said);
      this.saved(said.changed ? (way === "undo" ? "taken back" : "done again") : "nothing to take back");
    });
  }

  go(id) {
    if (!this.modes.has(id)) id = "label";
    return this.soon(async () => {
      const { module, view } = this.modes.get(id);
      this.modes.get(this.current)?.view.leave?.();
      this.current = id;
      history.replaceState(null, "", `/#${id}`);
      document.title = `${module.name} · curator review`;
      replace(document.getElementById("progress"));
      replace(document.getElementById("stage"), view.node);
      this.tabs();
      // On with the images: Enter is for them, and no longer for the tab that was clicked.
      if (document.getElementById("modes").contains(document.activeElement)) document.getElementById("stage").focus({ preventScroll: true });
      await view.enter();
    });
  }

  // What the mode shows, asked for anew: another name has another queue.
  again() {
    return this.modes.get(this.current).view.enter();
  }

  // Others label too: the line at the top tells so. What this person does meanwhile goes first.
  async follow() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
      if (document.hidden || this.busy || !["label", "grid"].includes(this.current)) continue;
      const told = await get("/api/progress");
      if (this.busy || !["label", "grid"].includes(this.current)) continue;
      this.progress(told);
      await this.modes.get(this.current).view.follow?.(told.round);
    }
  }

  tabs() {
    const place = document.getElementById("modes");
    const tab = ([id, { module }]) => el("button", { id: `mode-${id}`, onclick: () => this.go(id) }, module.name);
    if (!place.hasChildNodes()) replace(place, [...this.modes].map(tab));
    for (const button of place.children) {
      if (button.id === `mode-${this.current}`) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  }

  step(by) {
    const ids = [...this.modes.keys()];
    this.go(ids[(ids.indexOf(this.current) + by + ids.length) % ids.length]);
  }

  saved(what) {
    document.getElementById("saved").textContent = what;
  }

  progress({ images, labelled, accuracy, gain }) {
    const bar = el("span");
    bar.style.width = `${(100 * labelled) / Math.max(images, 1)}%`;
    const facts = [
      el("span", {}, el("b", {}, labelled.toLocaleString("en")), ` of ${counted(images, "image")} labelled`),
      accuracy === null
        ? el("span", { class: "faint" }, "accuracy: known from about 50 labels on")
        : el("span", {}, "estimated accuracy of the rest ", el("b", {}, percent(accuracy, 1))),
      gain && el("span", {}, `next ${gain.more} labels: `, el("b", {}, `+${(100 * gain.estimate).toFixed(1)} points`),
        el("span", { class: "faint" }, ` (${(100 * gain.low).toFixed(1)} to ${(100 * gain.high).toFixed(1)})`)),
    ];
    replace(document.getElementById("progress"), el("div", { class: "track", "aria-hidden": "true" }, bar),
      el("p", {}, facts));
  }

  search(id) {
    const found = this.modes.get("search");
    if (!found) return;
    this.go("search").then(() => found.view.like(id));
  }

  help() {
    const dialog = document.getElementById("help");
    const rows = (pairs) => pairs.map(([name, what]) => el("div", {}, el("dt", {}, key(name)), el("dd", {}, what)));
    replace(
      dialog,
      el("h2", { id: "help-title" }, `Keys · ${this.modes.get(this.current).module.name}`),
      el("dl", { class: "keys" }, rows(this.modes.get(this.current).module.help)),
      el("h3", {}, "Everywhere"),
      el("dl", { class: "keys" }, rows(everywhere)),
      el(
        "label",
        { class: "choice" },
        el("input", { type: "checkbox", checked: !localStorage.plain, onchange: (event) => plain(!event.target.checked) }),
        "Single keys act. Turn this off for speech input, or where a screen reader needs them.",
      ),
      el("form", { method: "dialog" }, el("button", {}, "Close")),
    );
    dialog.showModal();
  }

  key(event) {
    if (event.repeat || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) return;
    const pressing = event.target.closest?.("button, a, [role=option]") && ["Enter", " "].includes(event.key);
    if (pressing) return;
    const undoing = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    const view = this.modes.get(this.current)?.view;
    if (localStorage.plain && event.key.length === 1 && !undoing) return;
    if (undoing) view.replay?.(event.shiftKey ? "redo" : "undo");
    else if (event.key === "?") this.help();
    else if (event.key === "[") this.step(-1);
    else if (event.key === "]") this.step(1);
    else {
      view?.key(event);
      return;
    }
    event.preventDefault();
  }
}

function plain(now) {
  if (now) localStorage.plain = "yes";
  else delete localStorage.plain;
}

function theme() {
  const kept = localStorage.theme;
  if (kept) document.documentElement.dataset.theme = kept;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    localStorage.theme = document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  });
}

async function start() {
  const wanted = location.hash.slice(1) || "label";
  history.replaceState(null, "", `/#${wanted}`); // the token must not stay in the address bar
  theme();
  const app = new App();
  document.addEventListener("keydown", (event) => app.key(event));
  document.getElementById("help-button").addEventListener("click", () => app.help());
  try {
    const session = await open();
    document.getElementById("folder").textContent = session.folder;
    new Nametag(app).show(session.annotator);
    await app.go(wanted);
    await app.follow();
  } catch (error) {
    notice(error.message);
  }
}

start();
