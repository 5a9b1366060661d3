/** @file `auto-circuit validate M`: whether a model is computed rightly here, by numbers with bounds. */
import type { PromptBatch } from '@auto-circuit/core';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { DATA_FLAGS, modelFlags } from '../flags/shared-flags.js';
import { addBackendFlags } from '../open/open-backend.js';
import type { LoadedModel } from '../open/open-model.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { formatValue } from '../terminal/numbers.js';
import { writeTable } from '../terminal/table.js';
import type { Check } from '../validation/checks.js';
import type { NoAnswer, TransformersAnswer } from '../validation/transformers.js';

/** A check failed: no mistake in the command line, but nothing to build on either. */
const FAILED = 1;
/** Models up to this many parameters are compared in float64 on the other side. */
const MOST_DOUBLE = 2 ** 25;

const FLAGS = {
  process: modelFlags(false).process,
  edges: { type: 'int', min: 1, max: 10_000, default: 20, doc: 'edges whose eap score is compared with differences' },
  seed: DATA_FLAGS.seed,
  python: {
    type: 'string',
    placeholder: 'PATH',
    doc: 'a Python with torch and transformers, to compare with',
    unset: 'python3, if it has them',
  },
  timeout: { type: 'int', min: 1, default: 600, placeholder: 'SECONDS', doc: 'how long transformers may take' },
} as const satisfies FlagTable;

/** `auto-circuit validate`. */
export const validateCommand: CliCommand = {
  build: () =>
    addBackendFlags(
      addFlags(
        new Command('validate').description('Checks a model: logits, residual streams, gradients, tokenizer'),
        FLAGS,
      ),
    )
      .argument('<model>', 'shipped name, folder, or hub name org/name')
      .addHelpText(
        'after',
        `
Exit code 0 when every number is within its bound, 1 when one is not. What cannot be compared is said and does not count.

Examples:
  $ auto-circuit validate ioi-mini
  $ auto-circuit validate models/llama --python venv/bin/python`,
      ),
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const values = cli.flags(FLAGS);
    const { loadNamedModel, openPatchable } = await import('../open/open-model.js');
    const { samplePrompts } = await import('../validation/sample-prompts.js');
    const checks = await import('../validation/checks.js');
    const loaded = readAtTheEnd(await loadNamedModel(cli, name, values.process));
    const batch = await samplePrompts(loaded, values.seed);
    // before anything is on the backend: the two do not have to fit into memory together
    const answer = await ask(cli, loaded, batch, values);
    const opened = await openPatchable(cli, loaded.model, null, null, { length: batch.length, gradients: true });
    try {
      writeHeader(cli.output, {
        model: modelLine(opened.model, opened.graph),
        task: `${batch.prompts.length} prompts of ${batch.length} tokens, seed ${values.seed}`,
        backend: backendLine(opened.backend.info),
      });
      const rows = [
        await checks.logitsCheck(opened, batch, answer),
        await checks.residualCheck(opened.model, opened.graph, opened.backend, batch),
        await checks.gradientCheck(opened, batch, values),
        checks.roundTripCheck(loaded),
        checks.idsCheck(loaded, answer),
      ];
      const agrees = rows.every(({ passed }) => passed !== false);
      if (cli.output.jsonOnly) cli.output.json({ model: opened.model.name, agrees, checks: rows });
      else show(cli, rows);
      return agrees ? 0 : FAILED;
    } finally {
      await opened.dispose();
    }
  },
};

/** The model with its outputs read at the last position: where answers are needed, one position has one. */
const readAtTheEnd = (loaded: LoadedModel): LoadedModel => ({
  ...loaded,
  model: { ...loaded.model, spec: { ...loaded.model.spec, outputs: 'last' } },
});

async function ask(
  cli: Cli,
  { model, tokenizer, folder }: LoadedModel,
  batch: PromptBatch,
  { python, timeout }: { readonly python: string | undefined; readonly timeout: number },
): Promise<TransformersAnswer | NoAnswer> {
  if (folder === undefined) return { reason: 'the model is not a Hugging Face folder' };
  const { askTransformers } = await import('../validation/transformers.js');
  const { TEXTS } = await import('../validation/sample-texts.js');
  const request = {
    folder,
    tokens: batch.prompts.map(({ clean }) => clean as readonly number[]),
    texts: tokenizer ? TEXTS : [],
    double: model.spec.parameters <= MOST_DOUBLE,
  };
  return askTransformers(request, { python, timeoutSeconds: timeout, signal: cli.signal, env: cli.env });
}

function show({ output }: Cli, rows: readonly Check[]): void {
  const { green, red, dim } = output.colors;
  const verdict = ({ passed }: Check): string => (passed === null ? '' : passed ? green('agrees') : red('DIFFERS'));
  const number = (value: number | null): string => (value === null ? '' : formatValue(value));
  writeTable(
    output,
    [
      { title: 'check' },
      { title: 'largest difference', align: 'right' },
      { title: 'allowed', align: 'right' },
      { title: '' },
      { title: 'where' },
    ],
    rows.map((row) => [
      row.name,
      number(row.value),
      number(row.bound),
      verdict(row),
      row.passed === null ? dim(`not compared: ${row.detail}`) : row.detail,
    ]),
  );
  output.line();
  const wrong = rows.filter(({ passed }) => passed === false).map(({ name }) => name);
  if (wrong.length > 0) output.line(`not within bounds: ${wrong.join('; ')}`);
  else output.line('every number that was compared is within its bound');
  if (rows.some(({ passed, name }) => passed === null && name.includes('transformers')))
    output.line(dim('to compare with transformers: --python PATH of a Python that has torch and transformers'));
}
