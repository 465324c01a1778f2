// Draw the pictures of the page; those in pixels again whenever their room changes, also when a fold is opened.

const SIZED = { spread: drawSpread, trend: drawTrend };

const start = () => {
  drawIntervals();
  const widths = new WeakMap();
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (!target.clientWidth || widths.get(target) === target.clientWidth) continue;
      widths.set(target, target.clientWidth);
      SIZED[target.dataset.chart](target);
    }
  });
  for (const name of Object.keys(SIZED)) document.querySelectorAll(`[data-chart="${name}"]`).forEach((node) => watch.observe(node));
  document.documentElement.dataset.drawn = "true";
};

start();
