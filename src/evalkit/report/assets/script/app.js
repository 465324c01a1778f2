// Start: unpack, draw, listen.

const start = async () => {
  wireSections();
  wirePrint();
  const loading = byId("loading");
  if (typeof DecompressionStream === "undefined") {
    loading.textContent = "This browser cannot unpack the cases (DecompressionStream is missing). Everything above is complete.";
    loading.hidden = false;
    return;
  }
  const run = readRun(await unpack(byId("packed-run")));
  wireApp(run);
  document.documentElement.dataset.ready = "true";
};

const wireApp = (run) => {
  const app = { run, state: emptyState(), dialog: byId("detail"), help: byId("help"), box: byId("case-list") };
  app.table = caseTable(run, app.box, (test) => openCase(app, test));
  byId("case-tools").append(...filterBar(run, (name, value) => changeFilter(app, name, value)));
  for (const id of ["case-tools", "case-list", "key-help"]) byId(id).hidden = false;
  app.dialog.addEventListener("close", () => closed(app));
  for (const dialog of [app.dialog, app.help]) dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  addEventListener("popstate", () => restore(app));
  addEventListener("hashchange", () => restore(app));
  addEventListener("keydown", (event) => onKey(app, event));
  wireFlips(run, (test) => openCase(app, test));
  wireSuites(app);
  restore(app);
  (globalThis.requestIdleCallback ?? setTimeout)(() => run.tests.forEach((test) => haystack(run, test)));
};

const emptyState = () => Object.fromEntries([...FIELDS, "case", "of"].map((name) => [name, ""]));

/** Take the state from the address: filters, and the open case if there is one. */
const restore = (app) => {
  const state = readHash();
  if (state) app.state = state;
  showFilters(app.state);
  applyFilters(app);
  const test = app.state.case && app.run.tests.find((found) => isNamed(found, app.state));
  if (test) openCase(app, test, { remember: false });
  else if (app.dialog.open) app.dialog.close();
};

const isNamed = (test, state) => test.case.id.toWellFormed() === state.case && variantKey(test.variant) === state.of;

const changeFilter = (app, name, value) => {
  app.state = name === null ? emptyState() : withField(app.state, name, value);
  writeHash(app.state);
  showFilters(app.state);
  cancelAnimationFrame(app.pending);
  app.pending = requestAnimationFrame(() => applyFilters(app));
};

const applyFilters = (app) => {
  const tests = selectTests(app.run, app.state);
  app.box.scrollTop = 0;
  app.table.active = tests.length ? 0 : -1;
  setTests(app.table, tests);
  byId("cases-count").textContent = `${count(tests.length)} of ${plural(app.run.tests.length, "test")} (case × variant)`;
};

const openCase = (app, test, { remember = true } = {}) => {
  const place = app.table.tests.indexOf(test);
  if (place >= 0) moveTo(app.table, place);
  app.state = { ...app.state, case: test.case.id.toWellFormed(), of: variantKey(test.variant) };
  if (remember) writeHash(app.state, { push: !app.dialog.open });
  showDetail(app.run, app.dialog, test, {
    position: place >= 0 ? `${count(place + 1)} of ${count(app.table.tests.length)}` : "not in the filtered list",
    step: (by) => stepCase(app, by),
    close: () => app.dialog.close(),
  });
};

const stepCase = (app, by) => {
  moveTo(app.table, app.table.active + by);
  const test = app.table.tests[app.table.active];
  if (test) openCase(app, test);
};

const closed = (app) => {
  app.state = { ...app.state, case: "", of: "" };
  writeHash(app.state);
  app.box.focus({ preventScroll: true });
};

const onKey = (app, event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || app.help.open) return;
  const action = KEYS[event.key];
  if (!action || (event.key === "Enter" && (app.dialog.open || event.target !== app.box))) return;
  event.preventDefault();
  action(app);
};

const KEYS = {
  "/": (app) => { app.dialog.close(); byId("filter-q").focus(); },
  "?": (app) => showHelp(app.help),
  j: (app) => step(app, 1),
  k: (app) => step(app, -1),
  Enter: (app) => app.table.active >= 0 && choose(app.table, app.table.active),
};

const step = (app, by) => {
  if (app.dialog.open) return stepCase(app, by);
  const here = document.activeElement === app.box;
  app.box.focus({ preventScroll: here });
  moveTo(app.table, here ? app.table.active + by : app.table.active);
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

/** A suite's link to its cases also sets the filter. */
const wireSuites = (app) => {
  for (const link of document.querySelectorAll("a[data-suite]")) {
    const name = app.run.suites.find((suite) => visible(suite) === link.dataset.suite);
    if (name !== undefined) link.addEventListener("click", () => changeFilter(app, "suite", name.toWellFormed()));
  }
};

/** Section links scroll without touching the address, which holds the view. */
const wireSections = () => {
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    link.addEventListener("click", (event) => {
      const target = byId(link.getAttribute("href").slice(1));
      if (!target) return;
      event.preventDefault();
      target.scrollIntoView();
    });
  }
};

start().catch((error) => {
  const loading = byId("loading");
  loading.textContent = `The cases could not be unpacked: ${error.message}`;
  loading.hidden = false;
});
