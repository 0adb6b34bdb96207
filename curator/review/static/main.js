// The frame around the modes: who is on stage, what is saved, which keys go where.

import { get, notice, open, Refused } from "./api.js";
import { counted, el, key, percent, replace } from "./dom.js";
import { MODES } from "./modes.js";
import { Nametag } from "./nametag.js";

const FOLLOW_MS = 3000;
const everywhere = [
  ["[ and ]", "the mode before, the mode after"],
  ["Ctrl + Z", "take back; with Shift, do again"],
  ["?", "these keys"],
];

class App {
  constructor() {
    this.busy = null;
    this.turn = 0; // counts steps
    this.modes = new Map(MODES.map((Mode) => [Mode.id, new Mode(this)]));
    this.view = null; // the mode on stage
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

  // Whether the person has done nothing since that turn.
  still(turn) {
    return !this.busy && this.turn === turn;
  }

  async run(step) {
    this.turn += 1;
    const stage = document.getElementById("stage");
    const within = stage.contains(document.activeElement);
    try {
      await step();
    } catch (error) {
      tell(error);
    }
    // What had the focus may be gone: who goes by Tab stays where the images are.
    if (within && !stage.contains(document.activeElement)) stage.focus({ preventScroll: true });
  }

  go(id) {
    const view = this.modes.get(id) ?? [...this.modes.values()][0];
    return this.soon(async () => {
      this.view?.leave();
      this.view = view;
      history.replaceState(null, "", `/#${view.constructor.id}`);
      document.title = `${view.constructor.title} · curator review`;
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
    return this.view.enter();
  }

  // Others label too. What this person does meanwhile goes first.
  async follow() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
      const { turn, view } = this;
      if (document.hidden || this.busy || !view.follow) continue;
      try {
        const told = await get("/api/progress");
        if (this.still(turn)) await view.follow(told);
      } catch (error) {
        tell(error);
      }
    }
  }

  tabs() {
    const place = document.getElementById("modes");
    const tab = ({ id, title }) => el("button", { id: `mode-${id}`, onclick: () => this.go(id) }, title);
    if (!place.hasChildNodes()) replace(place, MODES.map(tab));
    for (const button of place.children) {
      if (button.id === `mode-${this.view.constructor.id}`) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  }

  step(by) {
    const place = MODES.indexOf(this.view.constructor) + by;
    this.go(MODES[(place + MODES.length) % MODES.length].id);
  }

  saved(what) {
    document.getElementById("saved").textContent = what;
  }

  progress({ images, labelled, accuracy, unknown, gain }) {
    const bar = el("span");
    bar.style.width = `${(100 * labelled) / Math.max(images, 1)}%`;
    const facts = [
      el("span", {}, el("b", {}, labelled.toLocaleString("en")), ` of ${counted(images, "image")} labelled`),
      accuracy === null
        ? el("span", { class: "faint" }, `accuracy: ${unknown}`)
        : el("span", {}, "estimated accuracy of the rest ", el("b", {}, percent(accuracy, 1))),
      gain && el("span", {}, `next ${gain.more} labels: `, el("b", {}, `+${(100 * gain.estimate).toFixed(1)} points`),
        el("span", { class: "faint" }, ` (${(100 * gain.low).toFixed(1)} to ${(100 * gain.high).toFixed(1)})`)),
    ];
    replace(document.getElementById("progress"), el("div", { class: "track", "aria-hidden": "true" }, bar),
      el("p", {}, facts));
  }

  search(id) {
    this.go("search").then(() => this.modes.get("search").like(id));
  }

  help() {
    const dialog = document.getElementById("help");
    const { title, help } = this.view.constructor;
    const rows = (pairs) => pairs.map(([name, what]) => el("div", {}, el("dt", {}, key(name)), el("dd", {}, what)));
    replace(
      dialog,
      el("h2", { id: "help-title" }, `Keys · ${title}`),
      el("dl", { class: "keys" }, rows(help)),
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
    if (!this.view || event.repeat || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) return;
    const pressing = event.target.closest?.("button, a, [role=option]") && ["Enter", " "].includes(event.key);
    if (pressing) return;
    const undoing = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if (localStorage.plain && event.key.length === 1 && !undoing) return;
    if (undoing) this.view.replay(event.shiftKey ? "redo" : "undo");
    else if (event.key === "?") this.help();
    else if (event.key === "[") this.step(-1);
    else if (event.key === "]") this.step(1);
    else {
      this.view.key(event);
      return;
    }
    event.preventDefault();
  }
}

function tell(error) {
  notice(error instanceof Refused ? error.message : `Something failed: ${error.message}`);
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
    tell(error);
  }
}

start();
