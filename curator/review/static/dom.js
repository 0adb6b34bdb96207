// Elements made from plain values. Text is always text: nothing here parses markup.

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

// Other items in a list; the focus stays on the button with the same `data-of` as that which has it.
export function refill(list, items) {
  const { of } = list.contains(document.activeElement) ? document.activeElement.dataset : {};
  replace(list, items);
  if (of !== undefined) [...list.querySelectorAll("button")].find((each) => each.dataset.of === of)?.focus({ preventScroll: true });
}

export const key = (name) => el("kbd", { "aria-hidden": "true" }, name);

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

// A probability: no rounding makes one certain.
export function chance(probability) {
  if (probability >= 0.995) return "over 99 %";
  return probability < 0.005 ? "under 1 %" : percent(probability);
}

export const counted = (number, noun, many = `${noun}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? noun : many}`;

export const basename = (path) => path.split("/").pop();

// Move the focus among the buttons of a grid by an arrow key.
export function step(list, arrow) {
  const buttons = [...list.querySelectorAll("button")];
  const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[arrow];
  const now = buttons.indexOf(document.activeElement);
  buttons[Math.min(Math.max(now < 0 ? 0 : now + by, 0), buttons.length - 1)]?.focus();
}
