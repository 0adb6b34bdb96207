// The server's answers. What is posted is stored when the promise resolves, exactly once.

import { el, replace } from "./dom.js";

const RETRY_MS = 1000;
const client = (sessionStorage.client ??= crypto.randomUUID());
let version = "";

export class Refused extends Error {}

export async function open() {
  const session = await get("/api/session");
  version = session.version;
  return session;
}

export const picture = (id, size = "small") => `/image/${id}/${size}?v=${version}`;

export function prefetch(ids, size = "small") {
  for (const id of ids) new Image().src = picture(id, size);
}

export async function get(path, query = {}) {
  const response = await reach(`${path}?${new URLSearchParams({ client, ...query })}`);
  return response.json();
}

export async function bytes(path, query = {}) {
  return (await reach(`${path}?${new URLSearchParams({ client, ...query })}`)).arrayBuffer();
}

export async function post(path, values) {
  // The action's name stays the same when it is sent again, so that the server can tell.
  const body = JSON.stringify({ client, action: crypto.randomUUID(), ...values });
  const headers = { "content-type": "application/json" };
  return (await reach(path, { method: "POST", headers, body })).json();
}

export async function upload(path, file) {
  const headers = { "content-type": "application/octet-stream" };
  return (await reach(`${path}?${new URLSearchParams({ client })}`, { method: "POST", headers, body: file })).json();
}

async function reach(path, options) {
  for (;;) {
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      notice("Nothing is saved now: the server does not answer. Trying again …");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      continue;
    }
    notice("");
    if (response.ok) return response;
    throw new Refused(await explained(response));
  }
}

async function explained(response) {
  if (response.status === 403) return "The server was started anew. Open the address it printed.";
  try {
    return (await response.json()).error;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

export function notice(text) {
  const place = document.getElementById("notice");
  place.hidden = !text;
  if (text) replace(place, el("p", {}, text), el("button", { class: "quiet", onclick: () => notice("") }, "Close"));
}
