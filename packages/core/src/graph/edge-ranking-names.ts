/** @file The strategies by which edges are selected from scores, by name. In a file of its own because a command line needs nothing else of them. */

/** What each strategy selects, by name. */
export const SELECTIONS = {
  threshold: 'the n largest |score| and all that tie with the last of them (AutoCircuit)',
  top: 'exactly n: the largest |score|, ties by canonical order',
  greedy:
    'exactly n, grown from the output: always the largest |score| whose destination is already in the circuit (EAP-IG)',
} as const satisfies Readonly<Record<string, string>>;
/** A strategy, by name. */
export type SelectionName = keyof typeof SELECTIONS;
