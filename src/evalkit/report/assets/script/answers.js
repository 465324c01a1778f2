// Answers beside each other: the words that differ, the evidence of each check, verdicts, attempts and numbers.

const ANSWER_SHOWN = 50000;

/** A view of `tests` (one or two variants of a case); `repeat` may be changed per side with its buttons. */
const sidesView = (run, tests, { full = false } = {}) => {
  const view = { run, tests, full, repeats: tests.map((test) => worstRepeat(run, test)), raw: false, box: el("div", { class: "sides" }) };
  drawSides(view);
  return view.box;
};

/** The repeat to show first: one without an answer, else one that failed, else the first. */
const worstRepeat = (run, test) => {
  const statuses = test.trials.map((trial) => run.trials.status[trial]);
  return Math.max(0, statuses.includes("error") ? statuses.indexOf("error") : statuses.indexOf("fail"));
};

const drawSides = (view) => {
  const texts = view.tests.map((test, side) => answerText(view, test.trials[view.repeats[side]]));
  const changes = texts.length === 2 && texts[0] !== texts[1] ? diffWords(...texts) : null;
  view.box.replaceChildren(
    ...view.tests.map((test, side) => {
      const ranges = changes ? (side === 0 ? asRanges(changes.removed, "del") : asRanges(changes.added, "ins")) : [];
      return sideColumn(view, side, texts[side], ranges);
    }),
  );
};

const asRanges = (pairs, tag) => pairs.map(([start, end]) => ({ start, end, tag, kind: "word" }));

const answerText = (view, trial) => {
  const text = view.run.strings[view.run.trials.answer[trial]];
  return (view.raw ? null : indented(text)) ?? text;
};

const sideColumn = (view, side, text, changes) => {
  const test = view.tests[side];
  const trial = test.trials[view.repeats[side]];
  return el("article", { class: "side-column", "aria-label": test.variant.name },
    el("header", {}, el("strong", {}, test.variant.name), badge(test.outcome, `${test.passed}/${test.trials.length}`),
      el("span", { class: "muted small" }, `${test.variant.prompt} · ${test.variant.model}`)),
    repeatButtons(view, side),
    answerBox(view, trial, text, changes),
    verdictList(view.run, trial, { foldPassed: !view.full }),
    view.full ? [judgeCalls(view.run, trial), numbers(view.run, trial), attempts(view.run, trial)] : null);
};

const repeatButtons = (view, side) => {
  const test = view.tests[side];
  const pretty = indented(view.run.strings[view.run.trials.answer[test.trials[view.repeats[side]]]]) !== null;
  const buttons = test.trials.length < 2 ? [] : test.trials.map((trial, index) => {
    const status = view.run.trials.status[trial];
    return el("button", {
      type: "button", "aria-pressed": String(index === view.repeats[side]), title: WORDS[status],
      onclick: () => { view.repeats[side] = index; drawSides(view); },
    }, sign(status), `repeat ${view.run.trials.repeat[trial] + 1}`);
  });
  if (pretty) {
    buttons.push(el("button", { type: "button", class: "raw", "aria-pressed": String(view.raw), onclick: () => { view.raw = !view.raw; drawSides(view); } }, "as received"));
  }
  return buttons.length ? el("div", { class: "repeats", role: "group", "aria-label": "Repeats" }, buttons) : null;
};

const answerBox = (view, trial, text, changes) => {
  const { run } = view;
  if (run.trials.failure[trial]) {
    const hint = run.trials.hint[trial];
    return el("div", { class: "answer failure" }, el("p", {}, sign("error"), `no answer: ${run.trials.failure[trial]}`),
      el("pre", {}, text.slice(0, ANSWER_SHOWN)), hint === null ? null : el("p", { class: "muted" }, run.strings[hint]));
  }
  const received = run.strings[run.trials.answer[trial]];
  const evidence = movedRanges(evidenceRanges(run, trial, received), received, text);
  const shown = text.slice(0, ANSWER_SHOWN);
  const ranges = [...changes, ...evidence].filter((range) => range.start < shown.length).map((range) => ({ ...range, end: Math.min(range.end, shown.length) }));
  const box = el("pre", { class: text === received && !indented(text) ? "answer" : "answer code", tabindex: "0" }, shown === "" ? el("em", { class: "muted" }, "(empty answer)") : marked(shown, ranges));
  return [box, cutNote(box, text), toolCalls(run, trial)];
};

const cutNote = (box, text) => {
  if (text.length <= ANSWER_SHOWN) return null;
  const note = el("p", { class: "muted small" }, `${count(text.length - ANSWER_SHOWN)} more characters. `,
    el("button", { type: "button", onclick: () => { box.textContent = visible(text); note.remove(); } }, "Show all"));
  return note;
};

const toolCalls = (run, trial) =>
  (run.trials.tools[trial] ?? []).map(([name, args]) => el("pre", { class: "answer tool" }, `tool call ${name}\n${indented(args) ?? args}`));

/** What each check points at; a check that passed on the whole answer points at nothing. */
const evidenceRanges = (run, trial, text) =>
  run.trials.verdicts[trial].flatMap((verdict) => {
    const status = run.verdicts.status[verdict];
    const spans = toUnits(text, run.verdicts.spans[verdict]).filter(([start, end]) => status !== "pass" || text.slice(start, end).trim() !== text.trim());
    return spans.map(([start, end]) => ({
      start, end, tag: "mark", kind: `evidence ${status}`, label: `${SIGNS[status]} ${run.verdicts.check[verdict]}`,
    }));
  });

/** The verdicts, what did not pass first; `foldPassed` puts the passed ones behind a line. */
const verdictList = (run, trial, { foldPassed }) => {
  const order = { error: 0, fail: 1, skip: 2, pass: 3 };
  const found = [...run.trials.verdicts[trial]].sort((a, b) => order[run.verdicts.status[a]] - order[run.verdicts.status[b]]);
  const list = (verdicts) => (verdicts.length ? el("ul", { class: "verdicts" }, verdicts.map((verdict) => verdictItem(run, verdict))) : null);
  const passed = found.filter((verdict) => run.verdicts.status[verdict] === "pass");
  if (!foldPassed || !passed.length) return list(found);
  return [list(found.slice(0, found.length - passed.length)),
    el("details", { class: "plain" }, el("summary", {}, sign("pass"), `${plural(passed.length, "check")} passed`), list(passed))];
};

const verdictItem = (run, verdict) => {
  const { check, status, score, severity, line, reason, family, detail } = run.verdicts;
  const name = status[verdict];
  return el("li", { class: name },
    sign(name), el("div", {},
      el("strong", {}, check[verdict]), el("span", { class: "muted small" },
        ` ${family[verdict]}${severity[verdict] === "warn" ? ", warns only" : ""}${score[verdict] === null ? "" : `, score ${score[verdict]}`}${line[verdict] === null ? "" : `, line ${line[verdict]}`}`),
      el("p", {}, run.strings[reason[verdict]].slice(0, 4000)),
      detail[verdict] === null ? null : el("details", { class: "plain" }, el("summary", {}, "Details"), el("div", { class: "answer code" }, run.strings[detail[verdict]].slice(0, 20000)))));
};

const SOURCES = { live: "live call", cache: "from cache", replay: "replayed from a recording", scripted: "scripted", shared: "shared with an identical request" };

const numbers = (run, trial) => {
  const t = run.trials;
  const served = t.served[trial];
  const rows = [
    ["Source", SOURCES[t.source[trial]] ?? t.source[trial]], ["Latency", seconds(t.latency[trial])], ["Cost", money(t.cost[trial])],
    ["Judge cost", t.followups[trial].length ? money(t.judge_cost[trial]) : "no judge"], ["Tokens in / out", `${count(t.input[trial])} / ${count(t.output[trial])}`],
    ["Finish", t.finish[trial] ?? "none"], ["Served by", served === null ? "unknown" : run.strings[served]],
  ];
  return el("dl", { class: "facts" }, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
};

const attempts = (run, trial) => {
  const rows = run.trials.attempts[trial];
  if (!rows.length) return null;
  return el("details", { class: "plain", open: rows.length > 1 }, el("summary", {}, plural(rows.length, "attempt")),
    el("table", { class: "attempts" },
      el("thead", {}, el("tr", {}, ["#", "Waited", "Took", "Status", "Failure"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, rows.map(([latency, wait, status, failure, message], index) =>
        el("tr", {}, [index + 1, seconds(wait), seconds(latency), status ?? "none", failure ? `${failure}${message === null ? "" : `: ${run.strings[message]}`}` : ""].map((cell) => el("td", {}, cell)))))));
};
