// Classes by number, by typing, or by click; and new ones.

import { el, key, replace } from "./dom.js";

const NUMBERED = "1234567890";

let made = 0;

export class Picker {
  constructor(choose, { placeholder = "Type a class, or a new one" } = {}) {
    const number = (made += 1);
    this.active = `class-${number}`;
    this.choose = choose;
    this.classes = [];
    this.marked = 0;
    this.input = el("input", {
      type: "text",
      placeholder,
      autocomplete: "off",
      spellcheck: false,
      maxLength: 200,
      role: "combobox",
      "aria-label": "Class",
      "aria-expanded": "true",
      "aria-controls": `classes-${number}`,
      oninput: () => this.show(0),
      onkeydown: (event) => this.typed(event),
    });
    this.list = el("ul", { class: "classes", id: `classes-${number}`, role: "listbox", "aria-label": "Classes" });
    this.node = el("div", { class: "picker" }, this.input, this.list);
  }

  update(classes, proposed) {
    this.classes = classes;
    this.proposed = proposed;
    this.input.value = "";
    this.show(-1);
  }

  // A class called "7" is on key 7; then nobody expects the keys to count places.
  numbered(digit) {
    const places = this.classes.some(({ name }) => /^\d$/.test(name)) ? [] : this.classes;
    return this.classes.find(({ name }) => name === digit)?.name ?? places[NUMBERED.indexOf(digit)]?.name;
  }

  // A letter typed anywhere begins a class name. Digits do too where they choose nothing.
  take(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const name = NUMBERED.includes(event.key) ? this.numbered(event.key) : undefined;
    if (name) this.choose(name);
    else if (/^[\p{L}\p{N}]$/u.test(event.key)) this.begin(event.key);
    else return false;
    event.preventDefault();
    return true;
  }

  begin(letter) {
    this.input.focus();
    this.input.value = letter;
    this.show(0);
  }

  typed(event) {
    event.stopPropagation();
    const found = this.found();
    if (event.key === "Escape") this.leave();
    else if (event.key === "ArrowDown") this.show(Math.min(this.marked + 1, found.length - 1));
    else if (event.key === "ArrowUp") this.show(Math.max(this.marked - 1, 0));
    else if (event.key === "Enter" && !event.isComposing) this.accept(found[Math.max(this.marked, 0)]);
    else if (event.key === "Backspace" && this.input.value.length <= 1) {
      this.leave();
    } else return;
    event.preventDefault();
  }

  leave() {
    this.input.value = "";
    this.input.blur();
    this.show(-1);
  }

  accept(name) {
    if (!name) return;
    this.leave();
    this.choose(name);
  }

  found() {
    const typed = this.input.value.trim();
    const names = this.classes.map((each) => each.name);
    if (!typed) return names;
    const lower = typed.toLowerCase();
    const starting = names.filter((name) => name.toLowerCase().startsWith(lower));
    const within = names.filter((name) => !starting.includes(name) && name.toLowerCase().includes(lower));
    return [...starting, ...within, ...(names.includes(typed) ? [] : [typed])];
  }

  show(marked) {
    this.marked = marked;
    const known = new Map(this.classes.map((each, place) => [each.name, { ...each, place }]));
    const typing = this.input.value.trim() !== "";
    if (typing) this.input.setAttribute("aria-activedescendant", this.active);
    else this.input.removeAttribute("aria-activedescendant");
    replace(this.list, this.found().map((name, place) => this.option(name, known.get(name), typing && place === marked)));
  }

  option(name, known, marked) {
    const digit = known && [...NUMBERED].find((each) => this.numbered(each) === name);
    const proposed = name === this.proposed;
    return el(
      "li",
      {
        id: marked ? this.active : undefined,
        role: "option",
        "aria-selected": String(marked),
        class: `${marked ? "marked" : ""} ${proposed ? "proposed" : ""}`,
        onclick: () => this.accept(name),
      },
      digit ? key(digit) : el("kbd", { class: "none", "aria-hidden": "true" }, known ? "" : "+"),
      el("span", { class: "name" }, known ? name : `New class “${name}”`),
      known?.count === undefined ? null : el("span", { class: "count" }, known.count.toLocaleString("en")),
    );
  }
}
