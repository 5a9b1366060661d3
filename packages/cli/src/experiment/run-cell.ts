/** @file Runs cells in this process, one after the other; what was opened for one stays for the next of the same task. */
import type { ExistingFolder, RunPhase } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { reportRenderer } from '../report/run-report.js';
import { namedAlgo } from '../run/choose-algo.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { runRequest } from '../run/run-request.js';
import { warningText } from '../terminal/advice.js';
import { errorKind } from '../terminal/errors.js';
import { type CellCommandLine, type CellHost, cellCommandLine, hostCli } from './cell-cli.js';
import type { Cell } from './cells.js';
import { failureText } from './plan.js';
import { SETTING_WORDS } from './setting-words.js';

/** Where a cell goes. */
export interface CellOrder {
  readonly cell: Cell;
  /** Its run folder, absolute. */
  readonly folder: string;
}

/** How a cell ended. */
export type CellOutcome =
  | {
      readonly kind: 'done';
      readonly edges: number;
      readonly faithfulness: number | 'inf' | '-inf' | null;
      readonly seconds: number;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'interrupted' };

/** `done` of `total` steps of one phase. */
export type CellProgressReport = (phase: RunPhase, done: number, total: number) => void;

/** A cell that was begun under another version, or whose partial work is damaged, cannot be gone on with; nothing of it was finished. */
const isBegunOtherwise = (error: unknown): error is AutoCircuitError =>
  error instanceof AutoCircuitError && (error.code === 'run-changed' || error.code === 'wrong-checkpoint');

/** How long a cell waits for the worker of a dead parent to notice and die. */
const WAIT_FOR_LOCK_SECONDS = 30;

/** Runs cells one by one; what was opened for one stays open for the next of the same task. */
export class CellRunner {
  readonly #host: CellHost;
  readonly #base: Cli;
  #opened: { readonly key: string; readonly run: OpenedRun } | null = null;

  private constructor(host: CellHost, base: Cli) {
    this.#host = host;
    this.#base = base;
  }

  static async open(host: CellHost, signal: AbortSignal): Promise<CellRunner> {
    return new CellRunner(host, await hostCli(host, signal));
  }

  /** Never throws for what goes wrong with a cell. */
  async run({ cell, folder }: CellOrder, onProgress: CellProgressReport = () => undefined): Promise<CellOutcome> {
    const { discover, waitUntilFree } = await import('@auto-circuit/core/run');
    const warnings: string[] = [];
    const hooks = { onWarning: (line: string) => warnings.push(warningText(line, SETTING_WORDS)) };
    const started = performance.now();
    try {
      await waitUntilFree(folder, WAIT_FOR_LOCK_SECONDS, this.#base.signal);
      const line = await cellCommandLine(this.#base, this.#host, cell, hooks);
      const { cli, command } = line;
      const named = await namedAlgo(cli, 'experiment', String(cell.flags.algo));
      const opened = await this.#open(line, cell, named.algo.gradients ?? true);
      const loadSeconds = (performance.now() - started) / 1000;
      const { request, identity } = await runRequest(cli, command, opened, named);
      const renderReport = await reportRenderer(cli);
      const run = (existing: ExistingFolder) =>
        discover(
          { ...request, store: { folder, existing, identity }, loadSeconds },
          {
            signal: cli.signal,
            onProgress,
            onWarning: (line) => cli.output.warn(line),
            renderReport,
          },
        );
      const { circuit, measurements, timings } = await run('resume').catch((error: unknown) => {
        if (!isBegunOtherwise(error)) throw error;
        cli.output.warn(`${error.parts.what}; it is begun again`);
        return run('overwrite');
      });
      const edges = circuit.edges.length;
      const point = measurements[0]?.points.find((one) => one.edges === edges);
      const seconds = timings.seconds.score + timings.seconds.measure;
      return { kind: 'done', edges, faithfulness: point?.faithfulness ?? null, seconds, warnings };
    } catch (error) {
      await this.close(); // it may be in any state
      if (errorKind(error) === 'interrupted') return { kind: 'interrupted' };
      return { kind: 'failed', error: failureText(error) };
    }
  }

  async #open({ cli, command }: CellCommandLine, { openKey }: Cell, gradients: boolean): Promise<OpenedRun> {
    if (this.#opened?.key === openKey) return this.#opened.run;
    await this.close();
    const run = await openRun(cli, command, gradients);
    this.#opened = { key: openKey, run };
    return run;
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    await opened?.run.dispose();
  }
}
