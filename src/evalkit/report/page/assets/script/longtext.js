// Boxes of text that stay quick however long the text is: a first part, and the rest in pieces that are laid out when they come into sight.

const SHOWN = 20000;
const PIECE = 20000;

/** A box with `text`, in which `ranges` are marked, and below it, if the text is long, how much more there is. */
const textBox = (text, { ranges = [], kind = "", empty = "(empty)" } = {}) => {
  const cut = cutAt(text, SHOWN);
  const box = el("pre", { class: `answer ${kind}`, tabindex: "0" }, text === "" ? el("em", { class: "muted" }, empty) : marked(text.slice(0, cut), within(ranges, 0, cut)));
  return cut < text.length ? [box, moreNote(box, text, cut, ranges)] : box;
};

const moreNote = (box, text, cut, ranges) => {
  const note = el("p", { class: "muted small more-note" }, `${count(cut)} of ${plural(text.length, "character")} shown. `,
    el("button", { type: "button", onclick: () => { box.focus(); note.replaceChildren("Writing …"); appendSlowly(box, pieces(text, cut, ranges), () => note.remove()); } }, "Show all"));
  return note;
};

/** Append `nodes` in slices of time, so that the page answers meanwhile; stops when the box has left the page. */
const appendSlowly = (box, nodes, done) => {
  const until = performance.now() + 30;
  for (let step = nodes.next(); !step.done; step = nodes.next()) {
    box.append(step.value);
    if (performance.now() > until) return void setTimeout(() => box.isConnected && appendSlowly(box, nodes, done));
  }
  done();
};

/** The rest of `text` from `start`, in pieces that end at a line's end where there is one; each is made when it is asked for. */
function* pieces(text, start, ranges) {
  for (let from = start; from < text.length; ) {
    const limit = cutAt(text, from + PIECE);
    const line = text.lastIndexOf("\n", limit - 1);
    const to = limit < text.length && line > from ? line + 1 : limit;
    yield el("span", { class: "piece" }, marked(text.slice(from, to), within(ranges, from, to)));
    from = to;
  }
}

/** `at`, or one less where it would cut a character into halves; never behind the end. */
const cutAt = (text, at) => {
  if (at >= text.length) return text.length;
  return text.codePointAt(at - 1) > 0xffff ? at - 1 : at;
};

/** What of `ranges` lies between `start` and `end`, counted from `start`. */
const within = (ranges, start, end) =>
  ranges
    .filter((range) => range.start < end && range.end > start)
    .map((range) => ({ ...range, start: Math.max(range.start, start) - start, end: Math.min(range.end, end) - start }));

/** A button that copies what `text()` gives, exactly as it was received. */
const copyButton = (label, text) => {
  const button = el("button", { type: "button", class: "copy", "aria-live": "polite", onclick: async () => { button.textContent = (await copied(text())) ? "Copied" : "Not copied"; } }, label);
  button.addEventListener("blur", () => { button.textContent = label; });
  return button;
};

/** Whether `text` could be put on the clipboard; a page that came over plain HTTP has only the old way. */
const copied = async (text) => {
  try {
    await navigator.clipboard.writeText(text.toWellFormed());
    return true;
  } catch {
    const before = document.activeElement;
    const field = el("textarea", { class: "hidden" });
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before.focus();
    return done;
  }
};
