// Answers as the report shows them: JSON is indented, and the words in which two answers to one case differ are marked.

/** What is marked in `box` already. */
const evidenceOf = (box) => {
  let start = 0;
  const found = [];
  for (const node of box.childNodes) {
    const end = start + node.textContent.length;
    if (node.nodeName === "MARK") found.push({ start, end, tag: "mark", kind: "evidence" });
    start = end;
  }
  return found;
};

const readAnswer = (box) => {
  const text = box.textContent;
  const shown = indented(text) ?? text;
  return { box, shown, ranges: movedRanges(evidenceOf(box), text, shown) };
};

const drawAnswer = ({ box, shown, ranges }) => box.replaceChildren(...marked(shown, ranges).map(asNode));

const asWords = (pairs, tag) => pairs.map(([start, end]) => ({ start, end, tag, kind: "word" }));

const markDifferences = (before, after) => {
  const changes = before.shown === after.shown ? null : diffWords(before.shown, after.shown);
  if (!changes) return;
  before.ranges.push(...asWords(changes.removed, "del"));
  after.ranges.push(...asWords(changes.added, "ins"));
};

const sides = ["before", "after"].map((side) => [...document.querySelectorAll(`pre[data-side="${side}"]`)].map(readAnswer));
sides[0].forEach((before, place) => sides[1][place] && markDifferences(before, sides[1][place]));
const alone = [...document.querySelectorAll("pre[data-answer]")].map(readAnswer);
[...sides.flat(), ...alone].forEach(drawAnswer);
