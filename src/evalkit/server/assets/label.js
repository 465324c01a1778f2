"use strict";
// The desk: one item after the other, everything by keyboard. What was said can be taken back, item by item.
(() => {
  const desk = document.querySelector("#desk");
  const { run, what, check, pair, by, blind } = desk.dataset;
  const pairs = what === "pairs";
  const said = []; // what was stored, newest last, so that it can be undone
  const queue = [];
  let now = null;
  let last = "";
  let busy = false;
  const at = (id) => document.querySelector(id);
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const trouble = (text) => {
    at("#trouble").textContent = text;
    at("#trouble").hidden = !text;
  };
  const ask = async (path, body) => {
    const options = body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {};
    const reply = await fetch(path, options);
    const found = await reply.json();
    if (!reply.ok) throw new Error(found.detail);
    return found;
  };
  const counted = (left) => {
    at("#count").textContent = `${left.labelled} of ${left.total} labelled`;
  };
  const fill = async () => {
    if (queue.length) return;
    const query = new URLSearchParams({ by, blind, after: last, todo: "true" });
    for (const [name, value] of Object.entries(pairs ? { pair } : { check })) query.set(name, value);
    const found = await ask(`${run}/${pairs ? "pairs" : "answers"}?${query}`);
    counted(found.left);
    queue.push(...found.items);
    if (found.items.length) last = found.items.at(-1).key;
  };
  const side = (title, text, label) => {
    const box = document.createElement("section");
    box.append(make("h3", label ? `${title}: ${label}` : title), make("pre", text, "text"));
    return box;
  };
  const show = () => {
    const answers = at("#answers");
    answers.replaceChildren();
    at("#vars").replaceChildren();
    at("#comment").value = now?.comment ?? "";
    at("#case").textContent = now ? `Case ${now.case_id}` : "";
    if (!now) {
      answers.append(make("p", "Nothing is left to label."));
      return;
    }
    for (const [name, value] of Object.entries(now.vars)) {
      const row = document.createElement("div");
      row.append(make("dt", name), make("dd", typeof value === "string" ? value : JSON.stringify(value)));
      at("#vars").append(row);
    }
    if (pairs) answers.append(side("Left", now.left, now.left_label), side("Right", now.right, now.right_label));
    else answers.append(side("Answer", now.answer, now.label ? `${now.label} · ${now.prompt} · ${now.model}` : ""));
    desk.focus();
  };
  const next = async () => {
    await fill();
    now = queue.shift() ?? null;
    show();
  };
  const store = async (item, value, comment) => {
    const path = `${run}/${pairs ? "preferences" : "labels"}`;
    const common = { key: item.key, by, comment };
    return (await ask(path, pairs ? { ...common, pair, preferred: value } : { ...common, check, passed: value })).left;
  };
  const undo = async () => {
    const before = said.pop();
    if (!before) return;
    const left = await store(before.item, before.value, before.comment);
    if (now) queue.unshift(now);
    now = { ...before.item, comment: before.typed };
    show();
    counted(left);
  };
  const VALUES = { pass: true, fail: false, note: null, left: "left", right: "right", tie: "tie" };
  const say = async (word) => {
    if (busy) return;
    busy = true;
    trouble("");
    try {
      if (word === "undo") await undo();
      else if (now && word === "skip") await next();
      else if (now && word in VALUES) {
        const item = now;
        const typed = at("#comment").value;
        const left = await store(item, VALUES[word], typed);
        const value = pairs ? item.preferred : item.passed;
        said.push({ item, value, comment: item.comment, typed });
        await next();
        counted(left); // last: who sees the new count sees the next item, too
      }
    } catch (error) {
      trouble(`Not stored: ${error.message}`);
    } finally {
      busy = false;
    }
  };
  const KEYS = pairs
    ? { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", t: "tie", s: "skip", u: "undo" }
    : { p: "pass", f: "fail", n: "note", s: "skip", u: "undo" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("textarea, input, select")) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "comment" && !event.shiftKey)) {
        event.preventDefault();
        desk.focus();
      }
      return;
    }
    if (event.key === "c") at("#comment").focus();
    else if (event.key in KEYS) say(KEYS[event.key]);
    else return;
    event.preventDefault();
  });
  at("#choices").addEventListener("click", (event) => {
    const button = event.target.closest("[data-say]");
    if (button) say(button.dataset.say);
  });
  next().catch((error) => trouble(error.message));
})();
