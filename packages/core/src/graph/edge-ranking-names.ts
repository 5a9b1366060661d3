/** @file The strategies by which edges are selected from scores, by name. In a file of its own because a command line needs nothing else of them. */

/** What each strategy selects, by name. */
export const SELECTIONS = {
  threshold: 'the n largest |score| and all that tie with the last of them (AutoCircuit)',
  top: 'exactly n: the largest |score|, ties by canonical order',
  greedy:
    'exactly n, grown from the output: always the largest |score| whose destination is already in the circuit (EAP-IG)',
} as const satisfies Readonly<Record<string, string>>;
/** What edges are ranked by when circuits are chosen, by name. */
export const RANKINGS = {
  absolute: '|score|: edges that matter, whichever way (AutoCircuit, EAP-IG)',
  signed: 'the score itself: edges that support the answer first (MIB)',
} as const satisfies Readonly<Record<string, string>>;
/** A ranking, by name. */
export type RankBy = keyof typeof RANKINGS;
/** A strategy, by name. */
export type SelectionName = keyof typeof SELECTIONS;
