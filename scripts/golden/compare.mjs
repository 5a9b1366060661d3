/** @file Compares our numbers with expected ones under the tolerance that the record states. */

/** Largest |a − b|; a wrong length or a NaN is infinitely wrong. */
export function largestError(ours, expected) {
  if (ours.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < ours.length; i++) {
    const error = Object.is(ours[i], expected[i]) ? 0 : Math.abs(ours[i] - expected[i]);
    if (!(error <= largest)) largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return largest;
}

export function tensorOutcome(name, ours, expected, atol) {
  const error = largestError(ours, expected);
  return { outcome: error <= atol ? 'passed' : 'failed', name, detail: `error ${format(error)}, tolerance ${format(atol)}` };
}
/** Plain numbers, each relative to max(1, |expected|). */
export function relativeOutcome(name, ours, expected, tolerance) {
  const scale = (list) => list.map((y, i) => Number(y) / Math.max(1, Math.abs(Number(expected[i]))));
  const error = largestError(scale(ours), scale(expected));
  return { outcome: error <= tolerance ? 'passed' : 'failed', name, detail: `relative error ${format(error)}, tolerance ${format(tolerance)}` };
}
export function exactOutcome(name, ours, expected) {
  const a = JSON.stringify(ours);
  const b = JSON.stringify(expected);
  return a === b ? { outcome: 'passed', name, detail: 'equal' } : { outcome: 'failed', name, detail: `got ${clip(a)}, expected ${clip(b)}` };
}
export const skipped = (name, why) => ({ outcome: 'skipped', name, detail: why });

/** What `differs` takes as a check: whether numbers made by the reference's own formula are the reference's. */
export function recomputed(ours, expected, tolerance, what) {
  const error = largestError(ours, expected);
  return { ok: error <= tolerance, detail: `${what}: error ${format(error)}, tolerance ${format(tolerance)}` };
}

export const format = (x) => (x === 0 ? '0' : x.toExponential(2));
const clip = (text) => (text.length > 160 ? `${text.slice(0, 160)}…` : text);
