// The desk: one item after the other, everything by keyboard. What was said can be taken back, item by item.

const desk = byId("desk");
const { run, what, check, pair, by, blind } = desk.dataset;
const pairs = what === "pairs";
const said = []; // what was stored, newest last, so that it can be undone
const queue = [];
const same = new Set(); // pairs of equal answers: there is nothing to choose
const skipped = new Set();
let now = null;
let last = "";
let busy = false;
let differences = false;

const trouble = (text) => {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
};

const GONE = "the server does not answer. What was stored is kept. Start evalkit serve again, open its new address in another tab, then choose here again";
const STRANGER = "this server was started anew. Open its new address in another tab of this browser, then choose here again";
const MISSING = "this answer is not in the run any more: press s to go on";

const ask = async (path, body) => {
  const options = body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {};
  const reply = await fetch(path, options).catch(() => { throw new Error(GONE); });
  if (reply.ok) return reply.json();
  if (reply.status === 401) throw new Error(STRANGER);
  if (reply.status === 404 && body) throw new Error(MISSING);
  const found = await reply.json().catch(() => ({}));
  throw new Error(typeof found.detail === "string" ? found.detail : `the server answered ${reply.status}`);
};

const counted = (left) => {
  byId("count").textContent = `${left.labelled} of ${left.total} labelled`;
};

const fill = async () => {
  while (!queue.length) {
    const query = new URLSearchParams({ by, blind, after: last, todo: "true", limit: same.size ? "100" : "20" });
    for (const [name, value] of Object.entries(pairs ? { pair } : { check })) query.set(name, value);
    const found = await ask(`${run}/${pairs ? "pairs" : "answers"}?${query}`);
    counted(found.left);
    if (!found.items.length) return;
    last = found.items.at(-1).key;
    for (const item of found.items) {
      if (pairs && item.left === item.right) same.add(item.key);
      else queue.push(item);
    }
  }
};

/** Two answers as they are shown, with the words that differ marked if that was asked for. */
const bothSides = () => {
  const texts = [now.left, now.right].map((text) => indented(text) ?? text);
  const changes = differences ? diffWords(...texts) : null;
  const marks = changes ? [changes.removed, changes.added] : [[], []];
  return [["Left", now.left_label], ["Right", now.right_label]].map(([title, label], place) =>
    answerBox(title, label, texts[place], marks[place].map(([start, end]) => ({ start, end, tag: "mark", kind: "word" }))));
};

const answerBox = (title, label, text, ranges = []) =>
  el("section", {}, el("h2", {}, label ? `${title}: ${label}` : title),
    el("pre", { class: indented(text) === null ? "text prose" : "text" }, text ? marked(text, ranges) : "(empty answer)"));

const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const expected = () => Object.entries(now?.expect ?? {}).map(([name, value]) => `${name}: ${asText(value)}`);
const fact = (name, text) => el("div", {}, el("dt", {}, name), el("dd", {}, text));

const show = () => {
  byId("comment").value = now?.comment ?? "";
  byId("case").replaceChildren(...(now ? ["Case ", el("b", {}, now.case_id)] : []));
  byId("vars").replaceChildren(
    ...Object.entries(now?.vars ?? {}).map(([name, value]) => fact(name, asText(value))),
    ...(expected().length ? [fact("expected", expected().join(" · "))] : []));
  for (const id of ["choices", "remark"]) byId(id).classList.toggle("over", !now);
  byId("answers").replaceChildren(...(!now ? theEnd() : pairs ? bothSides() : [oneAnswer()]));
  desk.focus({ preventScroll: true });
  desk.scrollIntoView({ block: "nearest" });
};

const oneAnswer = () => answerBox("Answer", now.label && `${now.label} · ${now.prompt} · ${now.model}`, indented(now.answer) ?? now.answer);

const theEnd = () => [
  el("p", {}, skipped.size ? `Only what you skipped is left: ${skipped.size}. ` : "Nothing is left to label. ",
    skipped.size ? el("button", { type: "button", "data-say": "again", onclick: () => say("again") }, el("kbd", {}, "a"), " show it again") : null),
  same.size ? el("p", { class: "muted" }, `${plural(same.size, "pair")} with the same answer on both sides ${same.size === 1 ? "was" : "were"} passed over: there is nothing to choose.`) : null,
  el("p", {}, el("a", { href: desk.dataset.agreement }, "What people said of this run")),
].filter(Boolean);

const next = async () => {
  now = null;
  await fill();
  now = queue.shift() ?? null;
  show();
};

const store = async (item, value, comment) => {
  const common = { key: item.key, by, comment };
  return (await ask(`${run}/${pairs ? "preferences" : "labels"}`, pairs ? { ...common, pair, preferred: value } : { ...common, check, passed: value })).left;
};

const noted = (text) => {
  byId("said").textContent = text;
};

const undo = async () => {
  const before = said.at(-1);
  if (!before) return trouble("Nothing was said since this page was opened: there is nothing to take back.");
  const left = await store(before.item, before.value, before.comment);
  said.pop();
  if (now) queue.unshift(now);
  now = { ...before.item, comment: before.typed };
  noted(`Taken back: ${before.word}.`);
  show();
  counted(left);
};

const again = async () => {
  skipped.clear();
  last = "";
  await next();
};

const skip = async () => {
  if (now) skipped.add(now.key);
  await next();
};

const VALUES = { pass: true, fail: false, note: null, left: "left", right: "right", tie: "tie" };
const NAMES = { pass: "pass", fail: "fail", note: "comment only", left: "left is better", right: "right is better", tie: "a tie" };

const choose = async (word) => {
  const item = now;
  const typed = byId("comment").value;
  const left = await store(item, VALUES[word], typed);
  said.push({ item, word: NAMES[word], value: pairs ? item.preferred : item.passed, comment: item.comment, typed });
  skipped.delete(item.key);
  noted(`Case ${item.case_id}: ${NAMES[word]}.`);
  await next().catch((error) => { throw new Error(`It is stored, but the next one could not be read (s tries again): ${error.message}`, { cause: "stored" }); });
  counted(left); // last: who sees the new count sees the next item, too
};

const differ = async () => {
  differences = !differences;
  desk.querySelector("[data-say=differ]").setAttribute("aria-pressed", String(differences));
  show();
};

const WAYS = { undo, skip, again, differ };

const say = async (word) => {
  if (busy || (!now && !["undo", "skip", "again"].includes(word))) return;
  busy = true;
  trouble("");
  const typed = byId("comment").value;
  try {
    await (WAYS[word] ?? (() => choose(word)))();
  } catch (error) {
    trouble(error.cause === "stored" || word === "skip" ? error.message : `Not stored: ${error.message}.`);
  } finally {
    if (word === "differ") byId("comment").value = typed;
    busy = false;
  }
};

const KEYS = pairs
  ? { 1: "left", arrowleft: "left", 2: "right", arrowright: "right", t: "tie", d: "differ" }
  : { p: "pass", f: "fail", n: "note" };
Object.assign(KEYS, { s: "skip", u: "undo", a: "again" });

const onTyping = (event) => {
  const done = event.key === "Escape" || (event.key === "Enter" && event.target.id === "comment" && !event.shiftKey && !event.isComposing);
  if (!done) return;
  event.preventDefault();
  desk.focus({ preventScroll: true });
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("textarea, input, select")) return onTyping(event);
  const key = event.key.toLowerCase();
  if (key !== "c" && !Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  if (event.repeat) return; // a key that is held says one thing once
  if (key === "c") byId("comment").focus();
  else say(KEYS[key]);
});

byId("choices").addEventListener("click", (event) => {
  const button = event.target.closest("[data-say]");
  if (button) say(button.dataset.say);
});

next().catch((error) => trouble(`The answers could not be read: ${error.message}.`));
