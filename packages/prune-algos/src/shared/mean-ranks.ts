/** @file Ranks of numbers, equal ones sharing theirs. */

/**
 * The rank of each number, 1 for the smallest; equal numbers share the mean of theirs.
 * @returns in the order of the numbers
 */
export function meanRanks(numbers: Float64Array): Float64Array {
  const order = Uint32Array.from(numbers.keys()).sort((a, b) => numbers[a]! - numbers[b]! || a - b);
  const ranks = new Float64Array(numbers.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && numbers[order[to]!] === numbers[order[from]!]) to++;
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + 1 + to) / 2; // mean of from + 1 … to
  }
  return ranks;
}
