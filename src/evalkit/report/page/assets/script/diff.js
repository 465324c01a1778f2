// A word diff of two answers: the longest common subsequence of words, bounded in time and memory.

const DIFF_CHARACTERS = 40000;
const DIFF_CELLS = 16000000;

const words = (text) => text.slice(0, DIFF_CHARACTERS).match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];

/** Return {removed, added}: ranges ([start, end] in `before` and in `after`) of the words that differ; null where that would take too long. */
const diffWords = (before, after) => {
  const a = words(before);
  const b = words(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  if ((a.length - head - tail) * (b.length - head - tail) > DIFF_CELLS) return null;
  const [keptA, keptB] = commonWords(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return { removed: gaps(a, head, keptA, tail), added: gaps(b, head, keptB, tail) };
};

/** For each word whether it belongs to the longest common subsequence. */
const commonWords = (a, b) => {
  const keptA = new Array(a.length).fill(false);
  const keptB = new Array(b.length).fill(false);
  const lengths = lcsLengths(a, b);
  const width = b.length + 1;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) keptA[i++] = keptB[j++] = true;
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return [keptA, keptB];
};

const lcsLengths = (a, b) => {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const below = lengths[(i + 1) * width + j];
      const right = lengths[i * width + j + 1];
      lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(below, right);
    }
  }
  return lengths;
};

/** The ranges of the words that were not kept; neighbours are joined. */
const gaps = (tokens, head, kept, tail) => {
  const found = [];
  let offset = 0;
  tokens.forEach((token, index) => {
    const inside = index >= head && index < tokens.length - tail && !kept[index - head];
    if (inside && found.at(-1)?.[1] === offset) found.at(-1)[1] += token.length;
    else if (inside) found.push([offset, offset + token.length]);
    offset += token.length;
  });
  return found;
};
