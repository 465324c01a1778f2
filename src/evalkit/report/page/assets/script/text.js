// Text as people read it: hidden characters written out, numbers with units, marked ranges.

const HIDDEN = new RegExp(
  "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f" +
    "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\ufdd0-\\ufdef\\ufffe\\uffff\\u{e0000}-\\u{e0fff}\\p{Cs}]",
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

/** One formatter per number of digits: making one costs more than a hundred uses. */
const FORMATS = Array.from({ length: 21 }, (_, digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const WHOLE = FORMATS[0];

const money = (usd) => {
  if (usd === null || usd === undefined) return "unknown";
  if (usd === 0) return "$0";
  const digits = Math.abs(usd) >= 1 ? 2 : Math.min(20, 2 - Math.floor(Math.log10(Math.abs(usd))));
  return `$${FORMATS[digits].format(usd)}`;
};

const seconds = (value) => {
  if (value === null || value === undefined) return "unknown";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
};

const count = (value) => (value === null || value === undefined ? "unknown" : WHOLE.format(value));
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

const TOKENS = /"(?:[^"\\]|\\[^])*"|[[\]{}:,]|[^\s"[\]{}:,]+/g;
const DEEPEST = 100;

/** A JSON object or array with one value per line, null for anything else. Only white space changes: what was written stays, doubled keys too. */
const indented = (text) => {
  if (!/^\s*[[{]/.test(text) || text.length > 200000 || !isJson(text)) return null;
  const tokens = text.match(TOKENS);
  const lines = [];
  let depth = 0;
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const closes = token === "]" || token === "}";
    const opened = before === "[" || before === "{";
    const breaks = closes ? !opened : opened || before === ",";
    if (closes) depth -= 1;
    lines.push(breaks ? `\n${"  ".repeat(Math.min(depth, DEEPEST))}` : "", token === ":" ? ": " : token);
    if (token === "[" || token === "{") depth += 1;
  });
  return lines.join("");
};

const isJson = (text) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** `ranges` of `text`, moved to where the same characters stand in `shown`, which differs in white space only. */
const movedRanges = (ranges, text, shown) => {
  if (text === shown || !ranges.length) return ranges;
  const from = inkOffsets(text);
  const to = inkOffsets(shown);
  const nth = new Map(from.map((offset, place) => [offset, place]));
  const at = (offset) => { while (offset < text.length && !nth.has(offset)) offset += 1; return nth.get(offset) ?? from.length; };
  return ranges
    .map((range) => ({ ...range, first: at(range.start), last: at(range.end) - 1 }))
    .filter(({ first, last }) => first <= last)
    .map((range) => ({ ...range, start: to[range.first], end: to[range.last] + 1 }));
};

/** Where the characters that are no white space stand. */
const inkOffsets = (text) => [...text.matchAll(/\S/g)].map((match) => match.index);

/** Turn offsets in characters, as Python counts them, into offsets in JavaScript's units; spans outside of the text are cut or dropped. */
const toUnits = (text, spans) => {
  if (!spans.length) return [];
  const some = spans.slice(0, 500);
  const units = /[\ud800-\udfff]/.test(text) ? unitOffsets(text, some.flat()) : null;
  const at = (offset) => (units ? units.get(offset) : Math.min(Math.max(0, offset), text.length));
  return some.map(([start, end]) => [at(start), at(end)]).filter(([start, end]) => start < end);
};

/** Where each of `offsets` (in characters) stands in units: one walk over the text, however many there are. */
const unitOffsets = (text, offsets) => {
  const found = new Map();
  let character = 0;
  let unit = 0;
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    for (; character < offset && unit < text.length; character += 1) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    found.set(offset, unit);
  }
  return found;
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
