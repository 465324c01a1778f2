// Start: unpack, draw, listen.

const start = async () => {
  wireSections();
  wirePrint();
  if (typeof DecompressionStream === "undefined") {
    notice("This browser cannot unpack the cases (DecompressionStream is missing). Everything above is complete.");
    return;
  }
  const run = readRun(await unpack(byId("packed-run")));
  wireApp(run);
  document.documentElement.dataset.ready = "true";
};

const wireApp = (run) => {
  const app = { run, search: searcher(run), state: emptyState(), dialog: byId("detail"), help: byId("help"), box: byId("case-list") };
  app.table = caseTable(run, app.box, { open: (test) => openCase(app, test), sort: (name) => changeSort(app, name), clear: () => changeFilter(app, null) });
  byId("case-tools").append(...filterBar(run, (name, value) => changeFilter(app, name, value)));
  byId("cases-count").setAttribute("role", "status");
  for (const id of ["case-tools", "case-list", "key-help"]) byId(id).hidden = false;
  app.dialog.addEventListener("close", () => closed(app));
  for (const dialog of [app.dialog, app.help]) dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  addEventListener("popstate", () => restore(app));
  addEventListener("hashchange", () => restore(app));
  addEventListener("keydown", (event) => onKey(app, event));
  addEventListener("beforeprint", () => onPaper(app.table, true));
  addEventListener("afterprint", () => onPaper(app.table, false));
  wireFlips(run, (test) => openCase(app, test));
  restore(app);
  if (FIELDS.some((name) => app.state[name])) byId("cases").scrollIntoView({ behavior: "instant" });
  app.search.prepare();
};

/** Take the state from the address: filters, and the open case if there is one. */
const restore = (app) => {
  const state = readHash();
  if (state && address(state) === app.shown) return;
  if (state) app.state = state;
  app.shown = address(app.state);
  showFilters(app.state);
  applyFilters(app);
  const test = app.state.case && app.run.tests.find((found) => isNamed(found, app.state));
  notice(app.state.case && !test ? `This run has no case ${app.state.case} of ${app.state.of}.` : "");
  if (test) openCase(app, test, { remember: false });
  else if (app.dialog.open) app.dialog.close();
};

/** A line above the list; none for an empty one. */
const notice = (text) => {
  byId("loading").replaceChildren(text && asNode(text));
  byId("loading").hidden = !text;
};

const isNamed = (test, state) => test.case.id.toWellFormed() === state.case && variantKey(test.variant) === state.of;

/** Each filter is a step of the history; the letters of one search are one step together. */
const changeFilter = (app, name, value) => {
  app.state = name === null ? emptyState() : withField(app.state, name, value);
  remember(app, { push: name !== "q" || !app.typing });
  notice("");
  app.typing = name === "q";
  showFilters(app.state);
  cancelAnimationFrame(app.pending);
  app.pending = requestAnimationFrame(() => applyFilters(app));
};

/** A heading sorts: first the way that brings up what matters, then the other, then as it was. */
const changeSort = (app, name) => {
  const ways = name === "case" ? ["case", "-case", ""] : [`-${name}`, name, ""];
  changeFilter(app, "sort", ways[(ways.indexOf(app.state.sort) + 1) % 3]);
};

const remember = (app, options) => {
  writeHash(app.state, options);
  app.shown = address(app.state);
};

const applyFilters = (app) => {
  if (app.state.q && app.run.tests.length > PREPARED_AT_ONCE && !app.search.state.done) return waitForSearch(app);
  const tests = selectTests(app.run, app.search, app.state);
  const { run } = app;
  app.box.scrollTop = 0;
  app.table.active = tests.length ? 0 : -1;
  setTests(app.table, tests);
  showSort(app.table, app.state.sort);
  byId("cases-count").textContent = `${count(tests.length)} of ${plural(run.tests.length, "test")} (case × variant), ${count(trialsOf(tests))} of ${plural(run.trials.case.length, "trial")}`;
};

const PREPARED_AT_ONCE = 2000;

/** The first search of a big run may come before its texts are ready: say so, and stay responsive. */
const waitForSearch = (app) => {
  byId("cases-count").textContent = `reading ${plural(app.run.trials.case.length, "answer")} …`;
  if (app.search.state.hurried) return;
  app.search.hurry();
  app.search.ready.then(() => applyFilters(app));
};

const trialsOf = (tests) => tests.reduce((sum, test) => sum + test.trials.length, 0);

const openCase = (app, test, { remember: kept = true } = {}) => {
  const place = app.table.tests[app.table.active] === test ? app.table.active : app.table.tests.indexOf(test);
  if (place >= 0) moveTo(app.table, place);
  if (!app.dialog.open) app.opener = document.activeElement;
  app.state = { ...app.state, case: test.case.id.toWellFormed(), of: variantKey(test.variant) };
  if (kept) remember(app, { push: !app.dialog.open });
  showDetail(app.run, app.dialog, test, {
    position: place >= 0 ? `${count(place + 1)} of ${count(app.table.tests.length)}` : "not in the filtered list",
    tools: { step: (by) => stepCase(app, by), flip: (by) => stepFlip(app, by), close: () => app.dialog.close(), open: (other) => openCase(app, other) },
  });
};

/** Back to where the reader was: the list, or what the case was opened from. */
const closed = (app) => {
  app.state = { ...app.state, case: "", of: "" };
  remember(app);
  const back = app.opener?.isConnected && app.opener !== document.body ? app.opener : app.box;
  back.focus({ preventScroll: true });
};

/** On paper nothing can be unfolded: the gates are printed with their lines open. */
const wirePrint = () => {
  const opened = [];
  addEventListener("beforeprint", () => {
    opened.push(...document.querySelectorAll("details.fold:not([open])"));
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened.splice(0)) fold.open = false; });
};

/** Section links scroll without touching the address, which holds the view; a link to a view also goes to its cases. */
const wireSections = () => {
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.addEventListener("click", (event) => {
      const name = link.getAttribute("href").slice(1);
      const target = byId(name);
      if (name.includes("=")) byId("cases").scrollIntoView();
      if (!target) return;
      event.preventDefault();
      target.scrollIntoView();
    });
  }
};

start().catch((error) => notice(`The cases could not be unpacked: ${error.message}`));
