// Building the page's nodes. Data enters the document only here, as text.

/** Create an element. `props` are attributes, or listeners under `onclick`-like names; children are nodes, strings or nothing. */
const el = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(node, name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return node;
};

const setProp = (node, name, value) => {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else node.setAttribute(name, value === true ? "" : visible(String(value)));
};

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(visible(String(child))));

const byId = (id) => document.getElementById(id);

const SIGNS = { pass: "✓", fail: "✗", error: "!", skip: "–", mixed: "◆", fixed: "▲", broken: "▼", shaky: "◆", unmeasured: "!" };
const WORDS = { pass: "passed", fail: "failed", error: "not measured", skip: "skipped", mixed: "some repeats passed", unmeasured: "not measured" };

const sign = (name) => el("span", { class: `sign ${name}`, "aria-hidden": "true" }, SIGNS[name] ?? "?");
const badge = (name, label) => el("span", { class: `badge ${name}` }, sign(name), label);
