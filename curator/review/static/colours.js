// Colours of the map, as the server has them: four tables of 256, for classes and doubts on light and dark ground.

const TABLE = 1024; // bytes: red, green, blue, alpha of each code

export function palette(tables, by) {
  const number = 2 * (by === "doubt") + dark();
  return tables.subarray(number * TABLE, (number + 1) * TABLE);
}

export const tint = (colours, code) => colours.subarray(4 * code, 4 * code + 3).join(" ");

export function dark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
