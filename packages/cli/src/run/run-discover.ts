/** @file Runs `discover` with a progress bar and its warnings, for the commands that make runs. */
import type { DiscoverRequest, DiscoverResult, RunPhase } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { reportRenderer } from '../report/run-report.js';
import { errorKind } from '../terminal/errors.js';
import { countOf, quoted } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { createProgress, type ProgressBar } from '../terminal/progress.js';
import { shownPath } from './run-folder.js';

/**
 * Runs a request.
 * @param folder its run folder, absolute; `goOn`: how to resume it
 * @throws AutoCircuitError of kind `interrupted` on Ctrl-C, naming the folder
 */
export async function runDiscover(
  cli: Cli,
  request: DiscoverRequest,
  folder: string,
  goOn = `auto-circuit discover --resume --out ${quoted(shownPath(cli, folder))}`,
): Promise<DiscoverResult> {
  const { discover } = await import('@auto-circuit/core/run');
  const renderReport = await reportRenderer(cli);
  const bar = phaseBar(cli.output);
  try {
    return await discover(request, {
      signal: cli.signal,
      onProgress: bar.report,
      onWarning: (line) => {
        bar.stop();
        cli.output.warn(line);
      },
      renderReport,
    });
  } catch (error) {
    if (errorKind(error) !== 'interrupted') throw error;
    throw new AutoCircuitError({
      code: 'interrupted',
      fields: { path: folder },
      where: 'discover',
      what: `stopped; finished work is saved in ${shownPath(cli, folder)}`,
      fix: `to continue: ${goOn}`,
      kind: 'interrupted',
      cause: error,
    });
  } finally {
    bar.stop();
  }
}

/** Results on fewer prompts than this hardly carry over to others. */
const FEW_PROMPTS = 10;

/** Warns where circuits were measured on too few prompts for the numbers to mean much. */
export function warnOfFewPrompts(output: Output, { run }: DiscoverResult): void {
  const test = run?.prompts.test ?? FEW_PROMPTS;
  if (test < FEW_PROMPTS)
    output.warn(`circuits were measured on only ${countOf(test, 'prompt')}, too few to mean much`);
}

const PHASES: Readonly<Record<RunPhase, string>> = {
  reference: 'model',
  score: 'scores',
  resample: 'resamples',
  measure: 'circuits',
};

/** One bar, which begins anew with each phase. */
export function phaseBar(output: Output): {
  report(phase: RunPhase, done: number, total: number, unit?: string): void;
  stop(): void;
} {
  let current: { readonly phase: RunPhase; readonly bar: ProgressBar } | null = null;
  const stop = (): void => {
    current?.bar.stop();
    current = null;
  };
  return {
    report(phase, done, total, unit) {
      if (current?.phase !== phase) {
        stop();
        current = { phase, bar: createProgress(output, PHASES[phase]) };
      }
      current.bar.report(done, total, unit);
    },
    stop,
  };
}
