/** @file The ways to choose edges by their scores, by name: apart, since a command line needs no more of them. */

/** The ways to choose, by name (`--select`). */
export const SELECTIONS = {
  threshold: 'the n largest |score| and all that tie with the last of them (AutoCircuit)',
  top: 'exactly n: the largest |score|, ties by canonical order',
  greedy:
    'exactly n, grown from the output: always the largest |score| whose destination is in the circuit already (EAP-IG)',
} as const satisfies Readonly<Record<string, string>>;
export type SelectionName = keyof typeof SELECTIONS;
