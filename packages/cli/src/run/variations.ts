/** @file The conditions under which `stability` finds a run's circuit again, by its flags. */
import type { ChosenMetric, RunJson, VariationAsked } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import type { FlagTable } from '../flags/flag-table.js';
import { readPromptFile, tokenizeFile } from '../open/open-prompts.js';
import { ablationNamed, metricsNamed } from './named-contributions.js';
import type { OpenedRun } from './open-run.js';
import { withDefaults } from './run-defaults.js';

/** Other conditions, and what circuits are measured by. */
export const VARIATION_FLAGS = {
  seeds: {
    type: 'string',
    placeholder: 'N,…|none',
    doc: 'other seeds: another division of the prompts, and other random choices of the algorithm',
    unset: 'the two after the run’s',
  },
  ablations: {
    type: 'string',
    placeholder: 'NAME,…',
    doc: 'other ablations, with options in parentheses; see "list ablations"',
    unset: 'none',
  },
  paraphrases: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'a prompt file that says the same in other words: all of it in the place of the run’s prompts',
    unset: 'none',
  },
  metric: {
    type: 'string',
    placeholder: 'NAME',
    doc: 'what circuits are measured by',
    unset: 'faithfulness; the run’s first metric where prompts have no wrong answers',
  },
} as const satisfies FlagTable;

const NONE = 'none';

/** @throws AutoCircuitError for seeds that are none, names that nothing has, or prompts that do not fit */
export async function variationsAsked(
  cli: Cli,
  command: Command,
  run: RunJson,
  opened: OpenedRun,
): Promise<readonly VariationAsked[]> {
  const { seeds, ablations, paraphrases } = cli.flags(VARIATION_FLAGS);
  const { splitNames } = await import('@auto-circuit/core/plugin');
  const { ablationText } = await import('@auto-circuit/core/run');
  const variations: VariationAsked[] = seedsAsked(seeds, run.asked.seed).map((seed) => ({ kind: 'seed', seed }));
  for (const text of ablations === undefined ? [] : splitNames(ablations)) {
    const ablation = await ablationNamed(cli, 'stability', text);
    variations.push({ kind: 'ablation', name: ablationText(ablation), ablation });
  }
  if (paraphrases !== undefined) {
    if (run.sources.sharedPrefix === true) throw noSharedPrefix();
    const all = withDefaults(cli, command, { limit: null, length: null });
    const file = await readPromptFile(all, paraphrases);
    const { prompts } = await tokenizeFile(all, file, { model: opened.model, tokenizer: opened.tokenizer });
    variations.push({ kind: 'paraphrases', name: paraphrases, prompts });
  }
  return variations;
}

function seedsAsked(text: string | undefined, own: number): readonly number[] {
  if (text === undefined) return [own + 1, own + 2];
  if (text === NONE) return [];
  const seeds = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN));
  const bad = seeds.some((seed) => !Number.isSafeInteger(seed));
  if (!bad && !seeds.includes(own) && new Set(seeds).size === seeds.length) return seeds;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: '--seeds', got: text },
    where: 'stability',
    what: bad ? '--seeds is not usable' : '--seeds names a seed twice, or the run’s own',
    expected: `whole numbers from 0 with commas between them, each once and none of them ${own}; or ${NONE}`,
    got: text,
    fix: 'give other seeds, for example --seeds 1,2,3',
  });
}

const noSharedPrefix = (): AutoCircuitError =>
  new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: ['paraphrases', 'sharedPrefix'] },
    where: 'stability',
    what: 'the run begins after a prefix that all of its prompts share, which other prompts do not have',
    fix: 'leave --paraphrases out, or make the run without --shared-prefix',
  });

/** What circuits are measured by. @throws AutoCircuitError for a metric of scores, and for several */
export async function stabilityMetric(cli: Cli, run: RunJson, { prompts }: OpenedRun): Promise<ChosenMetric> {
  const { metric: asked } = cli.flags(VARIATION_FLAGS);
  const { optionsOf } = await import('@auto-circuit/core/plugin');
  const haveWrong = prompts.every(({ wrongAnswers }) => wrongAnswers.length > 0);
  if (asked === undefined && !haveWrong) {
    const registry = await cli.registry();
    const first = run.asked.metrics.find(({ name }) => registry.has('metric', name));
    if (first) {
      const metric = registry.get('metric', first.name);
      const given = Object.entries(first.options).map(([name, value]) => [name, `${value}`] as const);
      return { metric, options: optionsOf(metric.options, { name: first.name, options: given }) };
    }
  }
  const metrics = await metricsNamed(cli, '--metric', asked ?? (haveWrong ? 'faithfulness' : 'kl'));
  const [metric] = metrics;
  if (metric && metrics.length === 1 && metric.metric.kind === 'metric') return metric;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: '--metric', got: asked },
    where: 'stability',
    what: '--metric is not usable here',
    expected: 'one metric of circuits’ outputs',
    got: metrics.length > 1 ? `${metrics.length} metrics` : `${asked}, which is one of scores`,
    fix: 'name one, such as faithfulness or kl; see "list metrics"',
  });
}
