// The list of cases: only the rows in sight are in the document, so that ten thousand scroll smoothly.

const NARROW = matchMedia("(max-width: 900px)");
const OVERSCAN = 8;

/** A virtual table in `box`. `open(test)` is called for a chosen row. */
const caseTable = (run, box, open) => {
  const table = { run, box, open, tests: [], active: -1 };
  table.body = el("div", { class: "window", role: "rowgroup" });
  table.spacer = el("div", { class: "spacer", role: "presentation" }, table.body);
  table.sheet = el("div", { role: "table", "aria-label": "Cases", class: "sheet" }, headRow(), table.spacer);
  box.append(table.sheet);
  box.addEventListener("scroll", () => paint(table), { passive: true });
  NARROW.addEventListener("change", () => setTests(table, table.tests));
  new ResizeObserver(() => paint(table)).observe(box);
  return table;
};

const headRow = () =>
  el("div", { class: "head", role: "rowgroup" },
    el("div", { class: "row", role: "row", "aria-rowindex": "1" },
      ["Passed", "Case", "Variant", "What did not pass", "Latency", "Cost"].map((name) => el("span", { role: "columnheader" }, name))));

const rowHeight = () => (NARROW.matches ? 92 : 44);

const setTests = (table, tests) => {
  table.tests = tests;
  table.sheet.setAttribute("aria-rowcount", tests.length + 1);
  table.spacer.style.height = `${tests.length * rowHeight()}px`;
  if (table.active >= tests.length) table.active = tests.length - 1;
  paint(table);
};

/** Put the rows in sight, and a few around them, into the document. */
const paint = (table) => {
  const height = rowHeight();
  const first = Math.max(0, Math.floor(table.box.scrollTop / height) - OVERSCAN);
  const last = Math.min(table.tests.length, Math.ceil((table.box.scrollTop + table.box.clientHeight) / height) + OVERSCAN);
  const rows = [];
  for (let index = first; index < last; index += 1) rows.push(caseRow(table, index));
  table.body.style.transform = `translateY(${first * height}px)`;
  table.body.replaceChildren(...rows);
};

const caseRow = (table, index) => {
  const test = table.tests[index];
  return el("div", {
    class: `row outcome-${test.outcome}${index === table.active ? " active" : ""}`, role: "row", "aria-rowindex": index + 2,
    "aria-selected": index === table.active ? "true" : null, onclick: () => choose(table, index),
  },
    el("span", { class: "passed", role: "cell" }, badge(test.outcome, `${test.passed}/${test.trials.length}`),
      el("span", { class: "hidden" }, ` ${WORDS[test.outcome]}`)),
    el("span", { class: "case", role: "cell" },
      el("button", { type: "button", class: "link", tabindex: "-1" }, test.case.id),
      [...test.flips].map((kind) => el("span", { class: `flip-mark ${kind}`, title: kind }, SIGNS[kind], el("span", { class: "hidden" }, kind))),
      test.case.tags.slice(0, 4).map((tag) => el("span", { class: "tag" }, tag))),
    el("span", { class: "variant", role: "cell", title: test.variant.label }, table.run.suites.length > 1 && el("span", { class: "muted" }, `${test.case.suite} · `), test.variant.name),
    el("span", { class: "why", role: "cell" }, whyText(table.run, test)),
    el("span", { class: "latency", role: "cell" }, seconds(test.latency)),
    el("span", { class: "cost", role: "cell" }, money(test.cost)));
};

const whyText = (run, test) => {
  const failure = test.trials.find((trial) => run.trials.failure[trial]);
  if (failure !== undefined) return `no answer: ${run.trials.failure[failure]}`;
  const [first] = test.bad;
  if (first === undefined) return "";
  const more = test.badChecks.size > 1 ? ` (+${test.badChecks.size - 1} more)` : "";
  return `${run.verdicts.check[first]}: ${run.strings[run.verdicts.reason[first]].slice(0, 200)}${more}`;
};

const choose = (table, index) => {
  moveTo(table, index);
  table.open(table.tests[index]);
};

/** Make row `index` the active one and bring it into sight. */
const moveTo = (table, index) => {
  if (!table.tests.length) return;
  table.active = Math.min(Math.max(index, 0), table.tests.length - 1);
  const height = rowHeight();
  const top = table.active * height;
  const head = table.sheet.firstChild.offsetHeight;
  if (top < table.box.scrollTop) table.box.scrollTop = top;
  else if (top + height + head > table.box.scrollTop + table.box.clientHeight) table.box.scrollTop = top + height + head - table.box.clientHeight;
  paint(table);
};
