// What the keyboard does on the page and in the pane of a case.

const onKey = (app, event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing && !app.dialog.open) leaveField(event);
  if (typing || app.help.open) return;
  const action = KEYS[event.key];
  if (!action || (event.key === "Enter" && event.target !== app.box)) return;
  event.preventDefault();
  action(app);
};

/** Out of the field, which keeps what is in it: left to itself, the browser would empty a search. */
const leaveField = (event) => {
  event.preventDefault();
  event.target.blur();
};

const KEYS = {
  "/": (app) => { app.dialog.close(); byId("filter-q").focus(); },
  "?": (app) => showHelp(app.help),
  j: (app) => step(app, 1),
  k: (app) => step(app, -1),
  n: (app) => stepFlip(app, 1),
  p: (app) => stepFlip(app, -1),
  Enter: (app) => app.table.active >= 0 && choose(app.table, app.table.active),
};

/** In the pane: open the neighbour. On the page: go to the list, then move in it. */
const step = (app, by) => {
  if (app.dialog.open) return stepCase(app, by);
  const here = document.activeElement === app.box;
  app.box.focus({ preventScroll: here });
  moveTo(app.table, here ? app.table.active + by : app.table.active);
};

const stepCase = (app, by) => {
  const place = app.table.active + by;
  if (app.table.tests[place]) openCase(app, app.table.tests[place]);
};

/** Go to the next case in the list that flipped; the two sides of a flip are one case. */
const stepFlip = (app, by) => {
  const { tests, active } = app.table;
  let place = active + by;
  while (tests[place] && (!tests[place].flips.size || tests[place].case === tests[active]?.case)) place += by;
  if (!tests[place]) return;
  if (app.dialog.open) return openCase(app, tests[place]);
  app.box.focus();
  moveTo(app.table, place);
};
