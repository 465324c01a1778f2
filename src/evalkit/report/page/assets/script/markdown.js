// Markdown as it would look, safely: nodes are built by hand, no HTML is parsed, no address is opened or loaded. A subset: headings, lists, quotes,
// code, tables, emphasis; a link is its text and its target, an image its description and its target.

const LOOKS_LIKE_MARKDOWN = /^(?:#{1,6} |[-*+] |\d{1,9}[.)] |> |```|\|.{1,300}\|)|\*\*[^*\n]{1,300}\*\*|`[^`\n]{1,300}`|\]\([^)\n]{1,300}\)/m;
const MARKDOWN_SHOWN = 50000;

/** Whether a preview of `text` would differ from the text. */
const isMarkdown = (text) => LOOKS_LIKE_MARKDOWN.test(text.slice(0, MARKDOWN_SHOWN));

const preview = (text) => {
  const lines = text.slice(0, MARKDOWN_SHOWN).split("\n");
  const box = el("div", { class: "answer preview", tabindex: "0" }, blocks(lines));
  return text.length > MARKDOWN_SHOWN ? [box, el("p", { class: "muted small" }, `The preview ends after ${count(MARKDOWN_SHOWN)} characters.`)] : box;
};

/** One block per entry: which lines begin it, how many lines it takes, and its node. */
const BLOCKS = [
  [/^ {0,3}(```|~~~)/, (lines, start) => fence(lines, start)],
  [/^ {0,3}#{1,6} /, (lines, start) => heading(lines, start)],
  [/^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/, (lines, start) => [start + 1, el("hr")]],
  [/^ {0,3}> ?/, (lines, start) => quote(lines, start)],
  [/^\s*(?:[-*+]|\d{1,9}[.)]) /, (lines, start) => list(lines, start)],
  [/^\s*\|.*\|\s*$/, (lines, start) => grid(lines, start)],
];

const blocks = (lines) => {
  const nodes = [];
  for (let at = 0; at < lines.length; ) {
    if (lines[at].trim() === "") { at += 1; continue; }
    const make = BLOCKS.find(([begins]) => begins.test(lines[at]))?.[1] ?? paragraph;
    const [next, node] = make(lines, at);
    nodes.push(node);
    at = next;
  }
  return nodes;
};

/** The first line from `start` on for which `stops` holds, or the end. */
const until = (lines, start, stops) => {
  let at = start;
  while (at < lines.length && !stops(lines[at])) at += 1;
  return at;
};

const paragraph = (lines, start) => {
  const end = until(lines, start + 1, (line) => line.trim() === "" || BLOCKS.some(([begins]) => begins.test(line)));
  return [end, el("p", {}, inline(lines.slice(start, end).join("\n")))];
};

const fence = (lines, start) => {
  const mark = lines[start].trim().slice(0, 3);
  const end = until(lines, start + 1, (line) => line.trim().startsWith(mark));
  return [end + 1, el("pre", { class: "code" }, lines.slice(start + 1, end).join("\n"))];
};

/** Headings of an answer are no headings of the page: they look like ones. */
const heading = (lines, start) => {
  const [, marks, text] = /^ {0,3}(#{1,6}) (.*)$/s.exec(lines[start]);
  return [start + 1, el("p", { class: `heading level-${marks.length}` }, inline(text))];
};

const quote = (lines, start) => {
  const end = until(lines, start, (line) => !/^ {0,3}>/.test(line));
  return [end, el("blockquote", {}, blocks(lines.slice(start, end).map((line) => line.replace(/^ {0,3}(?:> ?)+/, ""))))];
};

/** Items of one list with their indentation shown as levels. */
const list = (lines, start) => {
  const end = until(lines, start, (line) => !/^\s*(?:[-*+]|\d{1,9}[.)]) |^\s{2,}\S/.test(line));
  const items = [];
  for (const line of lines.slice(start, end)) {
    const [, space, sign, text] = /^(\s*)([-*+]|\d{1,9}[.)])? ?(.*)$/s.exec(line);
    if (sign === undefined && items.length) items.at(-1).append("\n", ...inline(text).map(asNode));
    else items.push(el("li", { class: `level-${Math.min(4, Math.floor(space.length / 2))}` }, el("span", { class: "muted" }, /\d/.test(sign) ? `${sign} ` : "• "), inline(text)));
  }
  return [end, el("ul", {}, items)];
};

const grid = (lines, start) => {
  const end = until(lines, start, (line) => !/^\s*\|.*\|\s*$/.test(line));
  const rows = lines.slice(start, end).map((line) => line.trim().slice(1, -1).split("|"));
  const ruled = rows.length > 1 && rows[1].every((text) => /^\s*:?-+:?\s*$/.test(text));
  const row = (tag) => (cells) => el("tr", {}, cells.map((text) => el(tag, {}, inline(text.trim()))));
  return [end, el("table", {}, ruled ? el("thead", {}, row("th")(rows[0])) : null, el("tbody", {}, rows.slice(ruled ? 2 : 0).map(row("td"))))];
};

const INLINE = /`([^`\n]{1,2000})`|!?\[([^\][\n]{0,1000})\]\(([^()\s]{0,2000})(?: "[^"\n]{0,200}")?\)|\*\*([^*\n]{1,2000})\*\*|(?<![\w*])[*_](?=\S)([^*_\n]{1,1000})(?<=\S)[*_](?![\w*])/g;

/** Nodes for the text of one block. */
const inline = (text) => {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [all, code, label, target, strong, emphasis] = match;
    nodes.push(text.slice(at, match.index), code !== undefined ? el("code", {}, code) : target !== undefined ? link(all.startsWith("!"), label, target)
      : strong !== undefined ? el("strong", {}, inline(strong)) : el("em", {}, emphasis));
    at = match.index + all.length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
};

const link = (image, label, target) =>
  el("span", { class: "target" }, image ? "image: " : "", label || "(no text)", el("code", {}, target));
