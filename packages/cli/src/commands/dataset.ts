/** @file `auto-circuit dataset FILE`: whether a data set fits a model, and how well the model does on it; `--generate TASK` makes one. */
import type { Prompt, PromptBatch, PromptFile, Side } from '@auto-circuit/core';
import type { LogitsCheck, UnfitPrompt } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { DATA_FLAGS, modelFlags } from '../flags/shared-flags.js';
import { askedPrompts, GENERATE_FLAGS, writePrompts, writeRight } from '../open/dataset-prompts.js';
import { addBackendFlags } from '../open/open-backend.js';
import type { OpenedModel } from '../open/open-model.js';
import { backendLine, modelLine, writeHeader } from '../terminal/header.js';
import { countOf, formatValue } from '../terminal/numbers.js';
import { createProgress } from '../terminal/progress.js';
import { writeTable } from '../terminal/table.js';

const FLAGS = {
  ...GENERATE_FLAGS,
  ...modelFlags(true, 'needed for a file; with --generate the task’s own'),
  bos: DATA_FLAGS.bos,
  length: DATA_FLAGS.length,
  limit: DATA_FLAGS.limit,
  skipUnfit: DATA_FLAGS.skipUnfit,
  batchSize: { ...DATA_FLAGS.batchSize, doc: 'prompts per run; the numbers do not depend on it' },
} as const satisfies FlagTable;

const PROBLEMS_SHOWN = 20;

/** `auto-circuit dataset`. */
export const datasetCommand: CliCommand = {
  build: () =>
    addBackendFlags(
      addFlags(
        new Command('dataset').description('Checks a data set: lengths, one-token answers, the model’s accuracy'),
        FLAGS,
      ),
    )
      .argument('[file]', 'a prompt file')
      .addHelpText(
        'after',
        `
With --generate, prompts are made to fit the tokenizer: every answer is one token, and both prompts of a pair are equally long.
With --tokenizer they are only written, to --out or to stdout; otherwise the model is also run on them.

Examples:
  $ auto-circuit dataset prompts.json --model ioi-mini
  $ auto-circuit dataset --generate ioi --tokenizer models/gpt2 --seed 1 --count 100 --out ioi.json
  $ auto-circuit dataset --generate capitals --model models/gpt2 --only-right --out capitals.json
  $ auto-circuit dataset --generate ioi,greater-than --model models/gpt2 --count 60 --out both.json`,
      ),
  async run(cli, command) {
    const values = cli.flags(FLAGS);
    const { batchesOf } = await import('@auto-circuit/core');
    const { loadedFor, openPatchable } = await import('../open/open-model.js');
    const { promptsLine, tokenizeFile } = await import('../open/open-prompts.js');
    const asked = await askedPrompts(cli, command, values);
    if (!values.onlyRight) await writePrompts(cli, asked, values.out);
    const { name, file, loaded } = asked;
    if (loaded === null) return;
    const skips = values.skipUnfit || values.onlyRight; // what does not fit, a model cannot get right
    const { prompts, bosLine, unfit } = await tokenizeFile(cli, file, loaded, skips ? 'skip' : 'list');
    if (!skips) reportProblems(cli, file, unfit, prompts.length);
    const { model } = await loadedFor(cli, values.process, loaded, prompts);
    const opened = await openPatchable(cli, model, null, null);
    try {
      writeHeader(cli.output, {
        model: modelLine(opened.model, opened.graph),
        task: promptsLine(name, prompts, bosLine),
        backend: backendLine(opened.backend.info),
      });
      warnOfOutside(cli, prompts, opened.patchable.outputSize);
      const batches = batchesOf(prompts, values.batchSize);
      const { LogitsCheck } = await import('@auto-circuit/core/run');
      const check = new LogitsCheck('dataset');
      const clean = await sideFacts(cli, opened, batches, 'clean', check);
      const corrupt = await sideFacts(cli, opened, batches, 'corrupt', check);
      check.end();
      const writeOnlyRight = async (): Promise<void> => {
        if (values.onlyRight) await writeRight(cli, asked, values.out!, clean.right);
      };
      if (cli.output.jsonOnly) await writeOnlyRight(); // its error takes the place of the document
      show(cli, prompts, { clean: clean.facts, corrupt: corrupt.facts });
      if (!cli.output.jsonOnly) await writeOnlyRight();
    } finally {
      await opened.dispose();
    }
  },
};

/** @throws AutoCircuitError after listing what is wrong with each prompt, when something is. */
function reportProblems(cli: Cli, { path }: PromptFile, unfit: readonly UnfitPrompt[], fitting: number): void {
  if (unfit.length === 0) return;
  for (const { error } of unfit.slice(0, PROBLEMS_SHOWN)) cli.output.streams.stderr.write(`${error.message}\n`);
  if (unfit.length > PROBLEMS_SHOWN) cli.output.streams.stderr.write(`… and ${unfit.length - PROBLEMS_SHOWN} more\n`);
  throw new AutoCircuitError({
    code: 'unfit-prompts',
    fields: { prompts: unfit.map(({ index }) => index), path },
    where: 'dataset',
    what: `${unfit.length} of ${unfit.length + fitting} prompts of ${path} ${unfit.length === 1 ? 'does' : 'do'} not fit the model`,
    fix:
      fitting > 0
        ? 'correct or remove them, or leave them out with --skip-unfit'
        : 'correct them, or use another model',
  });
}

/** The first wrong answer that the model has no output for. */
const outsideVocabulary = ({ wrongAnswers }: Prompt, size: number): number | undefined =>
  wrongAnswers.find((token) => token >= size);

/** Such wrong answers are refused where something reads them; here they are left out. */
function warnOfOutside(cli: Cli, prompts: readonly Prompt[], size: number): void {
  const found = prompts.filter((prompt) => outsideVocabulary(prompt, size) !== undefined);
  const [first] = found;
  if (first === undefined) return;
  cli.output.warn(
    `${countOf(found.length, 'prompt')} with wrong answers outside the vocabulary of ${size} tokens, such as ${outsideVocabulary(first, size)} of prompt ${first.index}: no logit difference can be taken`,
  );
}

interface SideFacts {
  /** Share of prompts whose largest logit is an answer. */
  readonly accuracy: number;
  /** Share of prompts with an answer above every wrong answer, and the mean logit difference; null without wrong answers. */
  readonly above_wrong: number | null;
  readonly logit_diff: number | null;
  /** Standard error of the logit difference over prompts. */
  readonly logit_diff_error: number | null;
}

async function sideFacts(
  cli: Cli,
  { patchable }: OpenedModel,
  batches: readonly PromptBatch[],
  side: Side,
  check: LogitsCheck,
): Promise<{ readonly facts: SideFacts /** Places in the file. */; readonly right: readonly number[] }> {
  const { answerTokens, inputOf, promptAnswerValue } = await import('@auto-circuit/core/plugin');
  const size = patchable.outputSize;
  const bar = createProgress(cli.output, side);
  const top: boolean[] = [];
  const above: boolean[] = [];
  const differences: number[] = [];
  const right: number[] = [];
  try {
    for (const [i, batch] of batches.entries()) {
      cli.signal.throwIfAborted();
      const { data } = await patchable.run(inputOf(batch, side), 'last'); // [prompts, outputSize]
      check.add(data, size);
      for (const [n, prompt] of batch.prompts.entries()) {
        const row = data.subarray(n * size, (n + 1) * size);
        const answers = answerTokens(prompt, 'answers', size);
        const best = answers.reduce((most, id) => Math.max(most, row[id]!), Number.NEGATIVE_INFINITY);
        const isTop = row.every((logit) => logit <= best);
        top.push(isTop);
        if (prompt.wrongAnswers.length === 0 || outsideVocabulary(prompt, size) !== undefined) {
          if (isTop) right.push(prompt.index);
          continue;
        }
        const isAbove = answerTokens(prompt, 'wrongAnswers', size).every((id) => row[id]! < best);
        if (isAbove) right.push(prompt.index);
        above.push(isAbove);
        differences.push(promptAnswerValue(row, prompt, 'logit', 'diff'));
      }
      bar.report(i + 1, batches.length, 'batches');
    }
  } finally {
    bar.stop();
  }
  const complete = differences.length === top.length;
  const facts = {
    accuracy: share(top),
    above_wrong: complete ? share(above) : null,
    logit_diff: complete ? mean(differences) : null,
    logit_diff_error: complete && differences.length > 1 ? standardError(differences) : null,
  };
  return { facts, right };
}

function show(cli: Cli, prompts: readonly Prompt[], sides: Readonly<Record<Side, SideFacts>>): void {
  const { output } = cli;
  const lengths = countBy(prompts.map(({ clean }) => clean.length));
  const answers = countBy(prompts.map((prompt) => prompt.answers.length));
  const wrong = countBy(prompts.map((prompt) => prompt.wrongAnswers.length));
  const same = prompts.filter(({ clean, corrupt }) => JSON.stringify(clean) === JSON.stringify(corrupt)).length;
  if (output.jsonOnly) {
    output.json({ prompts: prompts.length, lengths, answers, wrong_answers: wrong, identical_pairs: same, ...sides });
    return;
  }
  const counts = (of: Readonly<Record<string, number>>, unit: string): string =>
    Object.entries(of)
      .map(([value, n]) => `${value} (${countOf(n, 'prompt')})`)
      .join(', ') + unit;
  output.line(`lengths in tokens  ${counts(lengths, '')}`);
  output.line(`answers            ${counts(answers, ', one token each')}`);
  output.line(`wrong answers      ${counts(wrong, '')}`);
  output.line();
  const percent = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(1)} %`);
  const rows = (['clean', 'corrupt'] as const).map((side) => {
    const { accuracy, above_wrong, logit_diff, logit_diff_error } = sides[side];
    const error = logit_diff_error === null ? '' : ` ± ${formatValue(logit_diff_error)}`;
    return [
      side,
      percent(accuracy),
      percent(above_wrong),
      logit_diff === null ? '–' : `${formatValue(logit_diff)}${error}`,
    ];
  });
  const columns = ['answer is the top token', 'answer above wrong answers', 'logit difference'].map((title) => ({
    title,
    align: 'right' as const,
  }));
  writeTable(output, [{ title: 'prompts' }, ...columns], rows);
  if (same > 0)
    output.warn(
      `${countOf(same, 'prompt')} ${same === 1 ? 'has' : 'have'} identical clean and corrupt text: patching changes nothing there`,
    );
  if (Object.keys(lengths).length > 1) {
    output.note('lengths differ: token positions and data-set means need prompts of one length (--length N)');
  }
}

function countBy(values: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const share = (values: readonly boolean[]): number => values.filter(Boolean).length / values.length;
function standardError(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / (values.length - 1) / values.length);
}
