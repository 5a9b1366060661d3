/** @file The flags of `discover`, `compare` and `evaluate`, and what an experiment may set. */
import { PROMPT_SCORE_DTYPES, RANKINGS, type RankBy } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import {
  BACKEND_FLAGS,
  DATA_FLAGS,
  GRAPH_FLAGS,
  modelFlags,
  OBJECTIVE_FLAGS,
  PATCH_FLAGS,
} from '../flags/shared-flags.js';
import { addTableOptions } from '../flags/table-flags.js';

/** Where model and prompts come from. */
export const SOURCE_FLAGS = {
  task: { type: 'string', placeholder: 'NAME', doc: 'a task; see "list tasks"', unset: 'needed, or --data' },
  data: { type: 'string', placeholder: 'FILE', doc: 'a prompt file', unset: 'the task’s own' },
  spans: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'a JSON file with the role of each token: separate edges for each role, in prompts of any length',
    unset: 'none',
  },
  ...modelFlags(true, 'the task’s own'),
} as const satisfies FlagTable;
/** A run folder knows these, and a circuit file in one. */
const EVALUATE_SOURCE_FLAGS = {
  task: { ...SOURCE_FLAGS.task, unset: 'the run’s; needed for a circuit file elsewhere, or --data' },
  data: { ...SOURCE_FLAGS.data, unset: 'the run’s, else the task’s own' },
  spans: { ...SOURCE_FLAGS.spans, unset: 'the run’s' },
  model: { ...SOURCE_FLAGS.model, unset: 'the run’s, else the task’s own' },
  process: SOURCE_FLAGS.process,
} as const satisfies FlagTable;

/** Which algorithm scores the edges. */
export const ALGO_FLAGS = {
  algo: { type: 'string', placeholder: 'NAME', doc: 'what scores the edges; see "list algos"', unset: 'needed' },
} as const satisfies FlagTable;

/** Also those of `evaluate`. */
export const MEASURE_FLAGS = {
  metric: {
    type: 'string',
    placeholder: 'NAME,…',
    doc: 'metrics of circuits; see "list metrics"',
    unset: 'kl,logit-diff',
  },
  edges: {
    type: 'string',
    placeholder: 'N,…',
    doc: 'circuit sizes: numbers of edges, shares of all edges (below 1), log, all, or groups (of equal scores)',
    unset:
      'log above 200 edges, from 1,000 on a coarse grid and a search for the smallest faithful circuit; groups when scores are few',
  },
  threshold: {
    type: 'number',
    min: 0,
    doc: 'the circuit of all edges with at least this |score|, instead of --edges',
    unset: 'sizes by --edges',
  },
} as const satisfies FlagTable;

const EVALUATE_MEASURE_FLAGS = {
  metric: { ...MEASURE_FLAGS.metric, unset: 'the run’s; kl,logit-diff for a circuit file' },
  edges: { ...MEASURE_FLAGS.edges, unset: 'the run’s sizes' },
  threshold: MEASURE_FLAGS.threshold,
} as const satisfies FlagTable;

/** Which of the measured circuits is written. */
export const KEEP_FLAGS = {
  keep: {
    type: 'string',
    placeholder: 'N|auto',
    default: 'auto',
    doc: 'size of the circuit written; auto: the smallest faithful one',
  },
} as const satisfies FlagTable;

/** What is kept of single prompts. */
export const PROMPT_FLAGS = {
  perPrompt: {
    type: 'enum',
    values: PROMPT_SCORE_DTYPES,
    doc: 'also keep each prompt’s score of each edge, for algorithms that average over prompts (see clusters)',
    unset: 'no',
  },
} as const satisfies FlagTable;

/** How circuits are run, and on which prompts. */
export const SETTING_FLAGS = {
  patchType: {
    type: 'enum',
    values: ['tree', 'edge'],
    default: 'tree',
    doc: 'tree: patch all but the circuit in the clean run; edge: patch the circuit into the corrupt run',
  },
  select: {
    type: 'string',
    placeholder: 'NAME',
    default: 'threshold',
    doc: 'which edges a circuit of n has: threshold: the n largest |score| with ties; top: exactly n; greedy: n grown from the output; see "list selections"',
  },
  rankBy: {
    type: 'enum',
    values: Object.keys(RANKINGS) as RankBy[],
    default: 'absolute',
    doc: 'what edges are ranked by: absolute: |score|; signed: the score itself, those that support the answer first',
  },
  ...PATCH_FLAGS,
  force: {
    type: 'boolean',
    default: false,
    doc: 'allow settings under which a circuit means little, and read damaged files of a run',
  },
  train: { type: 'int', min: 1, doc: 'prompts for scores and data-set means', unset: 'half of them' },
  test: {
    type: 'string',
    placeholder: 'N|same',
    doc: 'prompts to measure on; same: the ones used for scores',
    unset: 'the other half',
  },
  sharedPrefix: {
    type: 'boolean',
    default: false,
    doc: 'run the tokens that clean and corrupt share only once, and patch the ones after them',
  },
} as const satisfies FlagTable;

/** The flags of `discover`; without `--algo` those of `compare`. */
export function addRunFlags(command: Command, { algo = true } = {}): void {
  addFlags(command, SOURCE_FLAGS, GROUPS.source);
  if (algo) addFlags(command, ALGO_FLAGS, GROUPS.algo);
  addTableOptions(addFlags(command, OBJECTIVE_FLAGS, GROUPS.algo), 'algo', algo ? 'the algorithm' : 'all algorithms that have it', GROUPS.algo); // biome-ignore format: one line
  addFlags(command, PROMPT_FLAGS, GROUPS.algo);
  for (const table of [MEASURE_FLAGS, KEEP_FLAGS]) addFlags(command, table, GROUPS.measure);
  addFlags(command, SETTING_FLAGS, GROUPS.settings);
  addFlags(command, GRAPH_FLAGS, GROUPS.graph);
  addFlags(command, DATA_FLAGS, GROUPS.data);
}

/** The headings of help. */
const GROUPS = {
  source: 'Model and task:',
  algo: 'Algorithm:',
  measure: 'Sizes and metrics:',
  settings: 'How circuits are run:',
  graph: 'Graph:',
  data: 'Prompts:',
} as const;
/** The heading of the flags that say where results go. */
export const OUT_GROUP = 'Results:';

/** What an experiment file may set for its runs: the flags of `discover` but for its axes and where results go. */
export const RUN_SETTINGS = (() => {
  const { process } = SOURCE_FLAGS;
  const { metric: _, ...measure } = MEASURE_FLAGS;
  const { seed: __, ...data } = DATA_FLAGS;
  const { backend, device } = BACKEND_FLAGS;
  const circuits = { ...PROMPT_FLAGS, ...measure, ...KEEP_FLAGS, ...SETTING_FLAGS };
  return { ...circuits, ...OBJECTIVE_FLAGS, ...GRAPH_FLAGS, ...data, process, backend, device } as const;
})() satisfies FlagTable;

/** The flags of `evaluate`: graph and scores are there already. */
export function addEvaluateFlags(command: Command): void {
  addFlags(command, EVALUATE_MEASURE_FLAGS, GROUPS.measure);
  addFlags(command, EVALUATE_SOURCE_FLAGS, GROUPS.source);
  addFlags(command, SETTING_FLAGS, GROUPS.settings);
  addFlags(command, DATA_FLAGS, GROUPS.data);
}
/** Of those, what decides the numbers. */
export const DECIDING_FLAGS: readonly string[] = [SOURCE_FLAGS, SETTING_FLAGS, DATA_FLAGS].flatMap((table) =>
  Object.keys(table),
);
