// What all pictures share: their data, their numbers, their frame. Text enters only as text.

const dataOf = (node) => JSON.parse(node.dataset.values);

const DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A value of a metric with its unit, never as a power of ten. */
const withUnit = (metric, value) => {
  if (metric === "cost_usd") return `$${DIGITS.format(value)}`;
  return value !== 0 && Math.abs(value) < 1 ? `${DIGITS.format(value * 1000)} ms` : `${DIGITS.format(value)} s`;
};

const percent = (share) => `${DIGITS.format(100 * share)}%`;

const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${DIGITS.format(Math.abs(value))}`;

/** An empty picture in `node`, as wide as the node, and the room inside its margins. It scales with its viewBox when printed. */
const framed = (node, { height, top = 10, right = 32, bottom = 26, left = 44 }) => {
  const width = Math.max(node.clientWidth, 240);
  node.replaceChildren();
  const svg = d3.select(node).append("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("aria-hidden", "true");
  return { svg, x: [left, width - right], y: [height - bottom, top], width, height };
};

/** The axes below and on the left; the lines of the left one cross the picture. */
const withAxes = ({ svg, x, y }, below, left) => {
  svg.append("g").attr("class", "axis").attr("transform", `translate(0 ${y[0]})`).call(below.tickSizeOuter(0));
  svg.append("g").attr("class", "axis across").attr("transform", `translate(${x[0]} 0)`).call(left.tickSize(x[0] - x[1]).tickPadding(6));
};
