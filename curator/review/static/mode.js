// What a mode is. A new one is a file here, one of the same name in curator/review, and a line in each table:
// modes.js and curator/review/modes.py.

import { post } from "./api.js";
import { counted } from "./dom.js";

// What a person does is done in steps: functions, mostly async, one after the other; an error in one is told.
// `app.act(step)` is for keys and clicks, which count only for what shows: while a step is under way, it does nothing.
// `app.soon(step)` is for what must not get lost, such as typed words: it waits its turn.
// Inside a step never await what waits for steps to end (act, soon, go, search, replay): it would wait for itself.
// `enter`, `leave` and `show` are called inside a step.
//
// Of the app a mode also uses `saved(what)`, which tells what was done; `progress(told)`, which fills the line at the
// top; and `search(id)`, which goes to the images like one.
export class Mode {
  static id = ""; // as in modes.py, and in the address after the #
  static title = ""; // on its tab
  static help = []; // its keys: pairs of a key and what it does
  node = null; // what is on stage in this mode: an element made once

  constructor(app) {
    this.app = app;
  }

  // It comes on stage, or somebody else has sat down: show what there is now.
  async enter() {}

  // It goes off stage.
  leave() {}

  // Show what comes after something was said: the answer of `next` of its class in curator/review.
  async show(_said) {}

  // A key that is not everywhere's: call preventDefault where it does something.
  key(_event) {}

  // follow(progress), which a mode may have: called every few seconds with what /api/progress says, so that what
  // others label meanwhile shows. It is no step, as keys must count meanwhile: note `app.turn` before an await, and
  // show nothing after it unless `app.still(turn)`: the person has done nothing since.

  // Take back ("undo"), or do again ("redo").
  replay(way) {
    this.app.act(async () => {
      const said = await post(`/api/${way}`, { view: this.constructor.id });
      await this.show(said);
      const what = way === "undo" ? "taken back" : "done again";
      const images = said.changed > 1 ? `${counted(said.changed, "image")} ` : "";
      this.app.saved(said.changed ? `${images}${what}` : "nothing to take back");
    });
  }
}
