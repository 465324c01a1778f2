"use strict";
// Lists by keyboard, as in the report: j and k move, Enter opens, / goes to the search.
(() => {
  const typing = (element) => element.closest("input:not([type=radio]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  let at = -1;
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    all[at]?.classList.remove("at");
    at = Math.max(0, Math.min(all.length - 1, at + step));
    all[at].classList.add("at");
    all[at].scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "Enter" && at >= 0 && !event.target.closest("a, button, summary, input")) rows()[at]?.querySelector("a[data-open]")?.click();
    else if (event.key === "/") document.querySelector("[data-search]")?.focus();
    else return;
    event.preventDefault();
  });
})();
