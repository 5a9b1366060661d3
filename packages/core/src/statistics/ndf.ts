/** @file Normalised deviation faithfulness: how near to the whole model a circuit comes on one prompt, from 0 to 1. */

/**
 * Normalised deviation faithfulness (Wu and Barez 2025, "Query Circuits", https://arxiv.org/abs/2509.24808): 1 − min(1,
 * |m(model) − m(circuit)| ÷ |m(model) − m(∅)|). 1 is as in the whole model; 0 is as far from it as with every edge patched, or
 * further, to whichever side. Of a prompt that patching does not move it is 1 for a circuit that moves it neither, else 0.
 * @param kept m(circuit) − m(∅)
 * @param gap m(model) − m(∅)
 */
export function promptNdf(kept: number, gap: number): number {
  if (gap === 0) return kept === 0 ? 1 : 0;
  const deviation = Math.abs(1 - kept / gap);
  return Number.isFinite(deviation) ? 1 - Math.min(1, deviation) : 0;
}
