// What was sent: the conversation of a case, and what its checks asked a judge.

/** The messages that `trials` (one per side) answer: equal ones once, different ones beside each other with the changed words. */
const conversation = (run, trials) => {
  const sent = trials.map((trial) => run.messages[run.trials.messages[trial]]);
  const length = Math.max(...sent.map((messages) => messages.length));
  const rows = Array.from({ length }, (_, place) => sentRow(run, sent.map((messages) => messages[place])));
  return el("details", { class: "plain conversation", open: true }, el("summary", {}, "Prompt as sent"), rows);
};

const sentRow = (run, messages) => {
  const [first] = messages;
  if (messages.every((message) => message?.[0] === first?.[0] && message?.[1] === first?.[1])) {
    return [roleLine(first[0], messages.length > 1 ? "the same for both" : ""), textBox(run.strings[first[1]])];
  }
  const texts = messages.map((message) => (message ? run.strings[message[1]].slice(0, ANSWER_SHOWN) : ""));
  const { removed, added } = diffWords(...texts);
  const ranges = [asRanges(removed, "del"), asRanges(added, "ins")];
  return el("div", { class: "sides" }, messages.map((message, side) =>
    el("div", { class: "sent-column" }, message ? [roleLine(message[0], side ? "after" : "before"), textBox(texts[side], ranges[side])] : roleLine("no message", ""))));
};

const roleLine = (role, note) => el("p", { class: "role" }, role, note && el("span", { class: "note" }, ` ${note}`));

const textBox = (text, ranges = []) => {
  const shown = text.slice(0, ANSWER_SHOWN);
  const box = el("pre", { class: "answer sent", tabindex: "0" }, shown === "" ? el("em", { class: "muted" }, "(empty)") : marked(shown, ranges));
  return [box, cutNote(box, text)];
};

/** The follow-up calls of a trial's checks: question, reply, what they cost. */
const judgeCalls = (run, trial) => {
  const calls = run.trials.followups[trial];
  if (!calls.length) return null;
  return el("details", { class: "plain judge", open: true }, el("summary", {}, plural(calls.length, "judge call")), calls.map((call) => judgeCall(run, call)));
};

const judgeCall = (run, [model, kind, asked, answer, failure, source, cost, latency, input, output]) => {
  const messages = run.messages[asked];
  const reply = run.strings[answer];
  const about = [run.strings[model], kind === "chat" ? "" : kind, SOURCES[source] ?? source, money(cost), seconds(latency), `${count(input)} / ${count(output)} tokens`];
  return el("div", { class: "asked" },
    el("p", { class: "muted small" }, about.filter(Boolean).join(" · ")),
    failure ? el("p", {}, sign("error"), `no answer: ${failure}`) : null,
    el("p", { class: "role" }, "reply"), textBox(indented(reply) ?? reply),
    messages.slice(-1).map(([, text]) => [el("p", { class: "role" }, "question"), textBox(run.strings[text])]),
    messages.length < 2 ? null : el("details", { class: "plain" }, el("summary", {}, `${plural(messages.length - 1, "message")} before the question`),
      messages.slice(0, -1).map(([role, text]) => [roleLine(role, ""), textBox(run.strings[text])])));
};
