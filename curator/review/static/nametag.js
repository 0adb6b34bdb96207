// In whose name this browser labels: said once, and kept by the server in a cookie until the browser closes.

import { post } from "./api.js";
import { el, replace } from "./dom.js";

export class Nametag {
  constructor(app) {
    this.app = app;
    this.button = document.getElementById("annotator");
    this.dialog = document.getElementById("who");
    this.input = el("input", { type: "text", maxLength: 200, required: true, autocomplete: "off", spellcheck: false });
    replace(
      this.dialog,
      el(
        "form",
        { method: "dialog", onsubmit: (event) => this.say(event) },
        el("h2", { id: "who-title" }, "Who labels?"),
        el("label", {}, "Your name", this.input),
        el("p", { class: "hint" }, "Labels from this browser are stored in this name. Nobody is given the images that you have."),
        el(
          "p",
          { class: "buttons" },
          el("button", { type: "button", onclick: () => this.dialog.close() }, "Cancel"),
          el("button", { class: "main" }, "This is me"),
        ),
      ),
    );
    this.button.addEventListener("click", () => this.ask());
  }

  show(name) {
    this.name = name;
    this.button.hidden = false;
    this.button.textContent = name;
    this.button.setAttribute("aria-label", `Labels are stored as ${name}: change the name`);
  }

  ask() {
    this.input.value = this.name;
    this.dialog.showModal();
    this.input.select();
  }

  say(event) {
    event.preventDefault();
    this.dialog.close();
    this.app.soon(async () => {
      this.show((await post("/api/annotator", { name: this.input.value })).annotator);
      await this.app.again();
    });
  }
}
