/** @file `auto-circuit logits`: a plain run of a model on prompts: logits to a file, top tokens to the terminal. */
import { resolve } from 'node:path';
import type { Prompt, PromptBatch, Side } from '@auto-circuit/core';
import type { SafetensorsSource } from '@auto-circuit/core/run';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { DATA_FLAGS, modelFlags } from '../flags/shared-flags.js';
import { addBackendFlags } from '../open/open-backend.js';
import type { LoadedModel, OpenedModel } from '../open/open-model.js';
import { shownText, tokenInOutput, topTokens } from '../show/top-tokens.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { formatValue } from '../terminal/numbers.js';
import { createProgress } from '../terminal/progress.js';
import { writeTable } from '../terminal/table.js';

const FLAGS = {
  ...modelFlags(false),
  data: { type: 'string', placeholder: 'FILE', doc: 'a prompt file', unset: 'needed' },
  side: { type: 'enum', values: ['clean', 'corrupt'], default: 'clean', doc: 'which prompts are run' },
  out: { type: 'string', placeholder: 'FILE', doc: 'write logits to this safetensors file', unset: 'none' },
  allPositions: {
    type: 'boolean',
    default: false,
    doc: 'write logits of every position, not only of the last; a tensor for each length',
  },
  top: { type: 'int', min: 1, max: 50, default: 5, doc: 'tokens to show for each prompt' },
  bos: DATA_FLAGS.bos,
  length: DATA_FLAGS.length,
  limit: DATA_FLAGS.limit,
  skipUnfit: DATA_FLAGS.skipUnfit,
  batchSize: { ...DATA_FLAGS.batchSize, doc: 'prompts per run; the logits do not depend on it' },
} as const satisfies FlagTable;

/** Prompts shown on the terminal. */
const SHOWN = 20;

/** `auto-circuit logits`. */
export const logitsCommand: CliCommand = {
  build: () =>
    addBackendFlags(
      addFlags(new Command('logits').description('Prints or writes the logits of a model on prompts'), FLAGS),
    ).addHelpText(
      'after',
      '\nExample:\n  $ auto-circuit logits --model ioi-mini --data prompts.json --out logits.safetensors',
    ),
  async run(cli, command) {
    const values = cli.flags(FLAGS);
    const name = requireFlag(values.model, command, '--model', 'ioi-mini');
    const data = requireFlag(values.data, command, '--data', 'prompts.json');
    const { batchesOf } = await import('@auto-circuit/core');
    const { loadedFor, loadNamedModel, openPatchable } = await import('../open/open-model.js');
    const { promptsLine, readPromptFile, tokenizeFile } = await import('../open/open-prompts.js');
    const file = await readPromptFile(cli, data);
    const first = await loadNamedModel(cli, name, values.process);
    const { prompts, bosLine } = await tokenizeFile(cli, file, first);
    const loaded = await loadedFor(cli, values.process, first, prompts);
    const opened = await openPatchable(cli, loaded.model, null, null);
    try {
      writeHeader(cli.output, {
        model: modelLine(opened.model, opened.graph),
        task: promptsLine(data, prompts, bosLine),
        backend: backendLine(opened.backend.info),
      });
      const batches = batchesOf(prompts, values.batchSize);
      const rows =
        values.allPositions && values.out !== undefined
          ? await writeAllPositions(cli, opened, batches, values.side, values.out)
          : await lastPositions(cli, opened, batches, values.side);
      if (!values.allPositions && values.out !== undefined)
        await writeLast(cli, opened, prompts, rows, values.out, values.side);
      show(cli, loaded, prompts, rows, values);
    } finally {
      await opened.dispose();
    }
  },
};

type Rows = ReadonlyMap<number, Float32Array>;

/** Logits at the last position by prompt index, each [outputSize]. */
async function lastPositions(
  cli: Cli,
  { patchable }: OpenedModel,
  batches: readonly PromptBatch[],
  side: Side,
): Promise<Rows> {
  const { inputOf } = await import('@auto-circuit/core/plugin');
  const { LogitsCheck } = await import('@auto-circuit/core/run');
  const check = new LogitsCheck('logits');
  const rows = new Map<number, Float32Array>();
  const bar = createProgress(cli.output, 'logits');
  try {
    for (const [i, batch] of batches.entries()) {
      cli.signal.throwIfAborted();
      const { data } = await patchable.run(inputOf(batch, side), 'last'); // [prompts, outputSize]
      check.add(data, patchable.outputSize);
      for (const [row, { index }] of batch.prompts.entries()) {
        rows.set(index, data.slice(row * patchable.outputSize, (row + 1) * patchable.outputSize));
      }
      bar.report(i + 1, batches.length, 'batches');
    }
  } finally {
    bar.stop();
  }
  return rows;
}

/**
 * Writes `logits` [prompts, pos, outputSize] batch by batch, never more than one in memory. Of prompts of several lengths
 * there is one tensor for each, `logits_12`, beside the places of its prompts, `prompts_12`. Gives the last positions.
 */
async function writeAllPositions(
  cli: Cli,
  { patchable, model }: OpenedModel,
  batches: readonly PromptBatch[],
  side: Side,
  out: string,
): Promise<Rows> {
  const { LogitsCheck, safetensorsSource, writeSafetensors } = await import('@auto-circuit/core/run');
  const { inputOf } = await import('@auto-circuit/core/plugin');
  const check = new LogitsCheck('logits');
  const rows = new Map<number, Float32Array>();
  const size = patchable.outputSize;
  const bar = createProgress(cli.output, 'logits');
  let done = 0;
  async function* chunks(group: readonly PromptBatch[]): AsyncGenerator<Float32Array> {
    for (const batch of group) {
      cli.signal.throwIfAborted();
      const { data } = await patchable.run(inputOf(batch, side), 'all'); // [prompts, pos, outputSize]
      check.add(data, size);
      for (const [row, { index }] of batch.prompts.entries()) {
        const end = (row + 1) * batch.length * size;
        rows.set(index, data.slice(end - size, end));
      }
      done += 1;
      bar.report(done, batches.length, 'batches');
      yield data;
    }
  }
  const lengths = [...new Set(batches.map(({ length }) => length))].sort((a, b) => a - b);
  const tensors = lengths.flatMap((length): SafetensorsSource[] => {
    const group = batches.filter((batch) => batch.length === length);
    const places = Int32Array.from(group.flatMap(({ prompts }) => prompts.map(({ index }) => index)));
    const shape = [places.length, length, size];
    const logits = { dtype: 'F32', shape, data: () => chunks(group) } as const;
    if (lengths.length === 1) return [{ ...logits, name: 'logits' }];
    return [{ ...logits, name: `logits_${length}` }, safetensorsSource(`prompts_${length}`, [places.length], places)];
  });
  try {
    await writeSafetensors(resolve(cli.cwd, out), tensors, metadataOf(model.name, model.processing, side));
  } finally {
    bar.stop();
  }
  return rows;
}

async function writeLast(
  cli: Cli,
  { patchable, model }: OpenedModel,
  prompts: readonly Prompt[],
  rows: Rows,
  out: string,
  side: Side,
): Promise<void> {
  const { safetensorsSource, writeSafetensors } = await import('@auto-circuit/core/run');
  const data = new Float32Array(prompts.length * patchable.outputSize); // [prompts, outputSize]
  for (const [i, { index }] of prompts.entries()) data.set(rows.get(index)!, i * patchable.outputSize);
  const tensor = safetensorsSource('logits', [prompts.length, patchable.outputSize], data);
  await writeSafetensors(resolve(cli.cwd, out), [tensor], metadataOf(model.name, model.processing, side));
}

const metadataOf = (model: string, processing: readonly string[], side: Side) => ({
  model,
  side,
  processing: processing.join(',') || 'none',
});

function show(
  cli: Cli,
  { tokenizer }: LoadedModel,
  prompts: readonly Prompt[],
  rows: Rows,
  { top, out }: { readonly top: number; readonly out: string | undefined },
): void {
  const { output } = cli;
  const all = prompts.map(({ index, answers }) => {
    const row = rows.get(index)!;
    return {
      prompt: index,
      top: topTokens(row, top, tokenizer),
      answers: answers.filter((id) => id < row.length).map((id) => tokenInOutput(row, id, tokenizer)),
    };
  });
  if (output.jsonOnly) {
    output.json({ out: out ?? null, prompts: all });
    return;
  }
  const shown = all
    .slice(0, SHOWN)
    .map((entry) => [
      `${entry.prompt}`,
      entry.top.map(({ text, logit }) => `${shownText(text, tokenizer)} ${formatValue(logit)}`).join('  '),
      entry.answers
        .map(({ text, logit, rank }) => `${shownText(text, tokenizer)} ${formatValue(logit)} (rank ${rank})`)
        .join('  '),
    ]);
  writeTable(
    output,
    [{ title: 'prompt', align: 'right' }, { title: 'top tokens and logits' }, { title: 'answers' }],
    shown,
  );
  if (all.length > SHOWN) output.line(`… and ${all.length - SHOWN} more`);
  if (out !== undefined) output.line(`\nlogits written to ${out}`);
}
