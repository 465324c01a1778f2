// The list of cases: only the rows in sight are in the document, so that ten thousand scroll smoothly.

const NARROW = matchMedia("(max-width: 900px)");
const OVERSCAN = 8;
const ON_PAPER = 300;

const COLUMNS = [["outcome", "Passed"], ["case", "Case"], [null, "Variant"], [null, "What did not pass"], ["latency", "Latency"], ["cost", "Cost"]];

/** A virtual grid in `box`. `open(test)` is called for a chosen row, `sort(name)` for a heading, `clear()` where nothing is left. */
const caseTable = (run, box, { open, sort, clear }) => {
  const table = { run, box, open, tests: [], active: -1, drawn: new Map() };
  table.body = el("div", { class: "window", role: "rowgroup" });
  table.spacer = el("div", { class: "spacer", role: "presentation" }, table.body);
  table.head = headRow(sort);
  table.empty = el("p", { class: "empty muted", hidden: true }, "No test is like that. ", el("button", { type: "button", onclick: clear }, "Show all"));
  box.setAttribute("role", "grid");
  box.setAttribute("aria-label", "Cases");
  box.setAttribute("aria-colcount", COLUMNS.length);
  box.append(table.head, table.spacer);
  box.after(table.empty);
  box.addEventListener("scroll", () => paint(table), { passive: true });
  box.addEventListener("keydown", (event) => onGridKey(table, event));
  NARROW.addEventListener("change", () => setTests(table, table.tests));
  new ResizeObserver(() => paint(table)).observe(box);
  return table;
};

const headRow = (sort) =>
  el("div", { class: "head", role: "rowgroup" },
    el("div", { class: "row", role: "row", "aria-rowindex": "1" },
      COLUMNS.map(([name, label]) => el("span", { role: "columnheader", "data-sort": name },
        name ? el("button", { type: "button", class: "sort", tabindex: "-1", onclick: () => sort(name) }, label) : label))));

/** Say in the headings what the list is sorted by. */
const showSort = (table, sort) => {
  for (const heading of table.head.querySelectorAll("[data-sort]")) {
    const [way] = [["ascending", heading.dataset.sort], ["descending", `-${heading.dataset.sort}`]].find(([, value]) => value === sort) ?? [null];
    if (way) heading.setAttribute("aria-sort", way);
    else heading.removeAttribute("aria-sort");
  }
};

const rowHeight = () => (NARROW.matches ? 92 : 44);

const setTests = (table, tests) => {
  table.tests = tests;
  table.mixed = tests.some((test) => test.case.suite !== tests[0].case.suite);
  table.box.setAttribute("aria-rowcount", tests.length + 1);
  table.spacer.style.height = `${tests.length * rowHeight()}px`;
  table.active = Math.min(table.active, tests.length - 1);
  table.empty.hidden = tests.length > 0;
  table.drawn.clear();
  table.body.replaceChildren();
  paint(table);
};

/** The rows in sight and a few around them; on paper, which cannot scroll, the first ones. */
const rowsToDraw = (table, height) => {
  if (table.paper) return [0, Math.min(table.tests.length, ON_PAPER)];
  const last = Math.ceil((table.box.scrollTop + table.box.clientHeight) / height) + OVERSCAN;
  return [Math.max(0, Math.floor(table.box.scrollTop / height) - OVERSCAN), Math.min(table.tests.length, last)];
};

/** Draw the list for a printer, or for the screen again; what a printer leaves out is said. */
const onPaper = (table, paper) => {
  table.paper = paper;
  byId("on-paper").textContent = table.tests.length > ON_PAPER ? `The first ${ON_PAPER} of these are printed. Filter the list on the screen to print others.` : "";
  paint(table);
};

/** Put the rows to draw into the document; rows that are there already stay. */
const paint = (table) => {
  const height = rowHeight();
  const [first, last] = rowsToDraw(table, height);
  for (const [index, row] of table.drawn) {
    if (index >= first && index < last) continue;
    row.remove();
    table.drawn.delete(index);
  }
  for (let index = first; index < last; index += 1) {
    if (table.drawn.has(index)) continue;
    const row = caseRow(table, index);
    table.drawn.set(index, row);
    table.body.insertBefore(row, table.body.children[index - first] ?? null);
  }
  table.body.style.transform = `translateY(${first * height}px)`;
  showActive(table);
};

const caseRow = (table, index) => {
  const test = table.tests[index];
  const active = index === table.active;
  return el("div", {
    class: `row outcome-${test.outcome}${active ? " active" : ""}`, role: "row", id: `row-${index}`, "aria-rowindex": index + 2,
    "aria-selected": String(active), onclick: () => choose(table, index),
  },
    cell("passed", badge(test.outcome, `${test.passed}/${test.trials.length}`), el("span", { class: "hidden" }, ` ${WORDS[test.outcome]}`)),
    cell("case", el("span", { class: "id" }, test.case.id),
      [...test.flips].map((kind) => el("span", { class: `flip-mark ${kind}`, title: WORDS[kind] ?? kind }, SIGNS[kind], el("span", { class: "hidden" }, WORDS[kind] ?? kind))),
      test.case.tags.slice(0, 4).map((tag) => el("span", { class: "tag" }, tag))),
    cell("variant", test.variant.name, table.mixed && el("span", { class: "muted" }, ` · ${test.case.suite}`)),
    cell("why", whyText(table.run, test)),
    cell("latency", seconds(test.latency)),
    cell("cost", money(test.cost)));
};

const cell = (name, ...children) => el("span", { class: name, role: "gridcell" }, children);

const whyText = (run, test) => {
  const failure = test.trials.find((trial) => run.trials.failure[trial]);
  if (failure !== undefined) return [el("b", {}, `no answer: ${run.trials.failure[failure]}`), ` ${run.text(run.trials.answer[failure]).slice(0, 200)}`];
  const [first] = test.bad;
  if (first === undefined) return "";
  const more = test.badChecks.size > 1 ? ` (+${test.badChecks.size - 1} more)` : "";
  return [el("b", {}, run.verdicts.check[first]), ` ${run.text(run.verdicts.reason[first]).slice(0, 200)}${more}`];
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
  const head = table.head.offsetHeight;
  if (top < table.box.scrollTop) table.box.scrollTop = top;
  else if (top + height + head > table.box.scrollTop + table.box.clientHeight) table.box.scrollTop = top + height + head - table.box.clientHeight;
  paint(table);
};

/** Mark the active row, for the eye and for a screen reader: the box keeps the focus and names the row. */
const showActive = (table) => {
  for (const [index, row] of table.drawn) {
    row.classList.toggle("active", index === table.active);
    row.setAttribute("aria-selected", String(index === table.active));
  }
  if (table.drawn.has(table.active)) table.box.setAttribute("aria-activedescendant", `row-${table.active}`);
  else table.box.removeAttribute("aria-activedescendant");
};

const onGridKey = (table, event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target !== table.box) return;
  const page = Math.max(1, Math.floor(table.box.clientHeight / rowHeight()) - 2);
  const to = {
    ArrowDown: table.active + 1, ArrowUp: table.active - 1, PageDown: table.active + page, PageUp: table.active - page,
    Home: 0, End: table.tests.length - 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  moveTo(table, to);
};
