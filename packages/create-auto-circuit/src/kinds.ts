/** @file What can be begun, and what each kind needs and is tried with. */

/** Facts about a kind; `my-plugin` stands for the name. */
interface KindFacts {
  /** A line for the question. */
  readonly hint: string;
  /** Begins the name of the package. */
  readonly prefix: string;
  /** What README and manifest say. */
  readonly description: string;
  /** Packages of ours that the code imports; a plugin has them as peers. */
  readonly needs: readonly string[];
  /** Those that only its test imports. */
  readonly testNeeds: readonly string[];
  /** Whole files beside `src`, to be published with it. */
  readonly files: readonly string[];
  /** The command of the README that uses it. */
  readonly command: string;
}

const PLUGIN = 'auto-circuit-plugin-';
const DISCOVER = 'npx auto-circuit discover --plugin ./';

/** All kinds by name. */
export const KINDS = {
  algorithm: {
    hint: 'gives every edge a number',
    prefix: PLUGIN,
    description: 'An AutoCircuit plugin: a pruning algorithm.',
    needs: ['core'],
    testNeeds: [],
    files: [],
    command: `${DISCOVER} --algo my-plugin --algo.at 0.5 --task ioi-mini --limit 16`,
  },
  metric: {
    hint: 'measures what a circuit outputs',
    prefix: PLUGIN,
    description: 'An AutoCircuit plugin: a metric.',
    needs: ['core'],
    testNeeds: [],
    files: [],
    command: `${DISCOVER} --metric "my-plugin(top=3),kl" --algo eap --task ioi-mini --limit 16`,
  },
  objective: {
    hint: 'the loss that scores are gradients of',
    prefix: PLUGIN,
    description: 'An AutoCircuit plugin: an objective.',
    needs: ['core'],
    testNeeds: [],
    files: [],
    command: `${DISCOVER} --objective "my-plugin(count=1)" --algo eap-ig-inputs --task ioi-mini --limit 16`,
  },
  task: {
    hint: 'a model with prompts',
    prefix: PLUGIN,
    description: 'An AutoCircuit plugin: a task.',
    needs: ['core'],
    testNeeds: ['metrics', 'models'],
    files: ['prompts.json'],
    command: `${DISCOVER} --task my-plugin --algo exact --test same`,
  },
  architecture: {
    hint: 'reads the checkpoints of a model family',
    prefix: PLUGIN,
    description: 'An AutoCircuit plugin: an architecture.',
    needs: ['core'],
    testNeeds: [],
    files: [],
    command: `${DISCOVER} --model example --data example/prompts.json --algo eap --test same --edges all`,
  },
  study: {
    hint: 'a script and an experiment file of your own',
    prefix: '',
    description: 'A study of circuits with AutoCircuit.',
    needs: ['core', 'metrics', 'models', 'prune-algos', 'tasks'],
    testNeeds: [],
    files: [],
    command: 'npm start\nnpx auto-circuit experiment experiment.json',
  },
} as const satisfies Readonly<Record<string, KindFacts>>;

/** The name of a kind. */
export type Kind = keyof typeof KINDS;
/** All names of kinds. */
export const KIND_NAMES = Object.keys(KINDS) as Kind[];
