/** @file The pages of what the registry holds, from `auto-circuit list --json` and the tables of core. */
import { OBJECTIVES, PLUGIN_API_VERSION } from '@auto-circuit/core/plugin';
import { optionTable, table } from './markdown.mjs';
import { runCli } from './run-cli.mjs';

/** Its formula as a code block, when to use it, and its papers as links; an empty list for what says none of these. */
function explanation({ formula, use, papers = [] }) {
  const links = papers.map(({ authors, year, title, url }) => `[${authors} ${year}, *${title}*](${url})`);
  return [
    formula && `    ${formula}\n`,
    use && `**When to use it.** ${use}\n`,
    links.length > 0 && `**${links.length > 1 ? 'Papers' : 'Paper'}.** ${links.join('; ')}\n`,
  ].filter(Boolean);
}

/** One section an entry: doc, facts, explanation, options. */
const sections = (entries, facts = () => '') =>
  entries
    .map((entry) => [
      `## ${entry.name}\n`,
      `${capitalised(entry.doc)}.${facts(entry)}\n`,
      ...explanation(entry),
      optionTable(entry.options),
    ])
    .map((parts) => parts.filter(Boolean).join('\n'))
    .join('\n');

const capitalised = (text) => text[0].toUpperCase() + text.slice(1);

/** The symbols of formulas, before the first of them. */
const SYMBOLS = {
  algos:
    'In the formulas, u→v is an edge; a_u is what its source writes: clean_u on the clean run, patch_u on the run that is patched in. in_v is what its destination reads, and M the loss of the run: minus its objective, or the KL divergence. Sums run over positions and dModel, and scores are means over prompts.\n\n',
  metrics:
    'In the formulas, p are probabilities of tokens, m is the mean logit difference over prompts, and ∅ the empty circuit (every edge patched).\n\n',
};

/** What `evaluate --metric` also takes: numbers of a whole curve, which are no contributions. */
const CURVE_NUMBERS = [
  '## Numbers of a whole run\n',
  '`evaluate RUN --metric cpr,cmd,area,roc` gives one number for all sizes together.\n',
  table(
    ['name', 'formula', 'better', 'when to use it'],
    [
      [
        '`cpr`',
        '∫ f(k) dk over MIB’s ten shares k of the edges, by trapezoids; f is faithfulness',
        'higher',
        'To compare with MIB’s leaderboard, with `--rank-by signed`. With signed ranking it may exceed 1: such circuits leave out edges that work against the answer.',
      ],
      [
        '`cmd`',
        '∫ |1 − f(k)| dk over the same shares',
        'lower',
        'To ask how closely circuits do what the model does. 0 is perfect.',
      ],
      [
        '`area`, `auc`',
        '∫ metric d log₁₀(edges), by trapezoids',
        'as the metric',
        'To sum up the curve of any metric, with every power of ten of the sizes counting alike.',
      ],
      [
        '`roc`',
        'area under the ROC curve of |score| against the known circuit',
        'higher',
        'On tasks with a known circuit: 1 is perfect, ½ is chance.',
      ],
    ],
  ),
  '**Paper.** [Mueller et al. 2025, *MIB: A Mechanistic Interpretability Benchmark*](https://arxiv.org/abs/2504.13151) for `cpr` and `cmd`.\n',
].join('\n');

const flagsOf = (what, example) =>
  `Options are given on the command line as \`--${what}.OPTION VALUE\`, for example \`${example}\`; in a library call as the fields of the options object.\n\n`;

const PAGES = {
  'algorithms.md': ({ algos }) => ({
    title: 'Algorithms',
    text: `What \`--algo\` takes. Every algorithm gives each edge one number: its size is the edge's importance. Where it measures an effect on the answer (gradients, exact patching) it has a sign, and a positive one supports the answer; ACDC and the baselines have none.\n\n${flagsOf('algo', '--algo eap-ig-inputs --algo.steps 10')}${SYMBOLS.algos}${sections(algos)}`,
  }),
  'metrics.md': ({ metrics }) => ({
    title: 'Metrics',
    text: `What \`--metric\` takes, separated by commas. Measured at the last position, mean over prompts.\n\n${table(
      ['metric', '', 'unit', 'better', 'needs wrong answers'],
      metrics.map((m) => [
        `\`${m.name}\``,
        m.doc,
        m.unit,
        m.higherIsBetter ? 'higher' : 'lower',
        m.needsWrongAnswers ? 'yes' : 'no',
      ]),
    )}\n${SYMBOLS.metrics}${sections(metrics)}\n${CURVE_NUMBERS}`,
  }),
  'objectives-and-ablations.md': ({ ablations }) => ({
    title: 'Objectives and ablations',
    text: [
      'What `--objective` takes. Scores are gradients of a loss: minus the quantity named here, or the KL divergence itself.\n',
      table(
        ['objective', '', 'needs wrong answers'],
        Object.entries(OBJECTIVES).map(([name, { doc, needsWrongAnswers }]) => [
          `\`${name}\``,
          doc,
          needsWrongAnswers ? 'yes' : 'no',
        ]),
      ),
      'What `--ablation` takes: the values that are patched in.\n',
      table(
        ['ablation', ''],
        ablations.map(({ name, doc }) => [`\`${name}\``, doc]),
      ),
    ].join('\n'),
  }),
  'tasks-and-models.md': ({ tasks, models, architectures }) => ({
    title: 'Tasks, models and architectures',
    text: [
      '## Tasks\n',
      table(
        ['task', '', 'model', 'objective', 'known circuits'],
        tasks.map((t) => [
          `\`${t.name}\``,
          t.doc,
          `\`${t.model}\``,
          t.objective ?? 'logit-diff',
          t.circuits.map((name) => `\`${name}\``).join(', '),
        ]),
      ),
      'The prompts of tasks on models from the hub are made for the tokenizer of the model that they are run on ([prompt files](../data.md#prompts-that-a-task-makes)). What circuits hold: [known circuits](../known-circuits.md).\n',
      '## Models that need no download\n',
      table(
        ['model', ''],
        models.map(({ name, doc }) => [`\`${name}\``, doc]),
      ),
      '## Architectures\n',
      'A folder or hub name is read by the architecture that knows the `model_type` in its `config.json`.\n',
      table(
        ['architecture', '', 'model_type'],
        architectures.map((a) => [`\`${a.name}\``, a.doc, a.modelTypes.map((type) => `\`${type}\``).join(', ')]),
      ),
    ].join('\n'),
  }),
  'backends.md': ({ backends }) => ({
    title: 'Backends',
    text: `What \`--backend\` takes. \`auto-circuit doctor\` says which work on a machine.\n\n${flagsOf('backend', '--backend onnx --backend.prepack off')}${sections(backends)}`,
  }),
  'plugin-api.md': (lists) => ({
    title: 'Plugin API',
    text: `The version of the plugin API is **${PLUGIN_API_VERSION}**; a plugin made for another one is refused. How to write a plugin: [plugins](../plugins.md).\n\nNames that are taken by what comes with AutoCircuit:\n\n${table(
      ['kind', 'names'],
      ['algos', 'metrics', 'tasks', 'architectures', 'backends'].map((kind) => [
        kind,
        lists[kind].map(({ name }) => `\`${name}\``).join(', '),
      ]),
    )}`,
  }),
};

export async function listPages() {
  const lists = JSON.parse(await runCli(['list', '--json']));
  return Object.fromEntries(Object.entries(PAGES).map(([file, page]) => [file, page(lists)]));
}
