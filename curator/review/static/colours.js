// Colours of the map: one for each class, or from sound to wrong.

const NOTHING = 255; // the code of images without a label, a proposal, a doubt
// Hues apart for colour-blind eyes too (Okabe and Ito; Tol), then around the circle.
const HUES = ["#0072b2", "#d9822b", "#009e73", "#c4569b", "#56b4e9", "#b8a11a", "#cc3d2f", "#7a5cc7", "#5b8c3a", "#8c6d4f"];

export function palette(by) {
  const colours = new Uint8Array(1024);
  for (let code = 0; code < NOTHING; code++) colours.set([...tint(by, code), 255], 4 * code);
  colours.set(dark() ? [78, 84, 80, 255] : [196, 194, 187, 255], 4 * NOTHING);
  return colours;
}

export function tint(by, code) {
  if (by !== "doubt") return code < HUES.length ? rgb(HUES[code]) : turned(code);
  const share = code / (NOTHING - 1);
  const [from, to] = dark() ? [[70, 92, 86], [240, 140, 90]] : [[190, 208, 200], [190, 70, 20]];
  return from.map((value, i) => Math.round(value + (to[i] - value) * share));
}

export function dark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

const rgb = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

// The golden angle keeps neighbouring codes far apart on the circle.
function turned(code) {
  const hue = (code * 137.508) % 360;
  const channel = (shift) => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (0.52 - 0.3 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
