// Text as people read it: hidden characters written out, numbers with units, marked ranges.

const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff" +
    "\\ufff9-\\ufffb\\ufdd0-\\ufdef\\ufffe\\uffff\\u{e0000}-\\u{e0fff}\\p{Cs}]",
  "gu",
);

/** Write out every character that a reader cannot see or that reorders the line; line feeds and tabs stay. */
const visible = (text) => text.replace(HIDDEN, writtenOut);

const writtenOut = (character) => {
  const code = character.codePointAt(0);
  const hex = code.toString(16);
  if (character === "\r") return "\\r";
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
};

const money = (usd) => {
  if (usd === null || usd === undefined) return "unknown";
  if (usd === 0) return "$0";
  return Math.abs(usd) >= 1 ? `$${usd.toFixed(2)}` : `$${Number(usd.toPrecision(3))}`;
};

const seconds = (value) => {
  if (value === null || value === undefined) return "unknown";
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${Number(value.toPrecision(3))} s`;
};

const count = (value) => (value === null || value === undefined ? "unknown" : value.toLocaleString("en"));
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Pretty-print `text` if it is a JSON object or array, else return null. */
const prettyJson = (text) => {
  if (!/^\s*[[{]/.test(text) || text.length > 200000) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
};

/** Turn offsets in characters, as Python counts them, into offsets in JavaScript's units; spans outside of the text are cut or dropped. */
const toUnits = (text, spans) => {
  const units = /[\ud800-\udfff]/.test(text) ? unitOffsets(text) : null;
  const length = units ? units.length - 1 : text.length;
  const at = (offset) => (units ? units[offset] : offset);
  return spans
    .slice(0, 500)
    .map(([start, end]) => [Math.max(0, start), Math.min(length, end)])
    .filter(([start, end]) => start < end)
    .map(([start, end]) => [at(start), at(end)]);
};

const unitOffsets = (text) => {
  const offsets = [0];
  for (const character of text) offsets.push(offsets.at(-1) + character.length);
  return offsets;
};

/** Nodes for `text` in which each of `ranges` ({start, end, tag, label}) is wrapped in its tag; ranges may overlap. */
const marked = (text, ranges) => {
  if (!ranges.length) return [text];
  const edges = new Set([0, text.length]);
  for (const range of ranges) edges.add(range.start).add(range.end);
  const cuts = [...edges].filter((edge) => edge <= text.length).sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, index) => piece(text.slice(start, cuts[index + 1]), start, ranges));
};

const piece = (text, start, ranges) => {
  const inside = ranges.filter((range) => range.start <= start && start < range.end);
  return inside.reduce((node, range) => el(range.tag, { class: range.kind, title: range.label }, node), text);
};
