/** @file Runs cells in this process, one after the other; what was opened for one stays for the next of the same task. */

import type { BackendInfo } from '@auto-circuit/core/backend';
import type { CheckpointData, PruneAlgoContext, WorkPart } from '@auto-circuit/core/plugin';
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
import { damagedCell } from './collect-results.js';
import { addressOf, failureText } from './plan.js';
import { SETTING_WORDS } from './setting-words.js';

/** Where a cell goes. */
export interface CellOrder {
  readonly cell: Cell;
  /** Its run folder, absolute. */
  readonly folder: string;
  /** The address that it was planned with: anything else is refused. */
  readonly hash?: string;
  /** What shares of its scores kept. */
  readonly parts?: () => AsyncIterable<WorkPart>;
  /** The kinds of hardware of its shares, where they are more than one. */
  readonly hardware?: readonly string[];
}

/** Some units of a cell's scores. */
export interface ShareOrder extends Pick<PruneAlgoContext, 'checkpoint'> {
  readonly cell: Cell;
  readonly hash: string;
  readonly range: readonly [start: number, stop: number];
}
/** How a share ended. */
export type ShareOutcome =
  | { readonly kind: 'done'; readonly data: CheckpointData; readonly warnings: readonly string[] }
  | Exclude<CellOutcome, { readonly kind: 'done' }>;

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

/** What will compute a cell: its backend, and the bytes that a run may take. */
export type OnMachine = (info: BackendInfo, memoryBytes: number) => Promise<void>;

/** Runs cells one by one; what was opened for one stays open for the next of the same task. */
export class CellRunner {
  readonly #host: CellHost;
  readonly #base: Cli;
  #opened: { readonly key: string; readonly run: OpenedRun } | null = null;

  readonly #onMachine: OnMachine;

  private constructor(host: CellHost, base: Cli, onMachine: OnMachine) {
    this.#host = host;
    this.#base = base;
    this.#onMachine = onMachine;
  }

  /** @param onMachine told before each cell what will compute it */
  static async open(
    host: CellHost,
    signal: AbortSignal,
    onMachine: OnMachine = async () => undefined,
  ): Promise<CellRunner> {
    return new CellRunner(host, await hostCli(host, signal), onMachine);
  }

  /** Never throws for what goes wrong with a cell. */
  async run(order: CellOrder, onProgress: CellProgressReport = () => undefined): Promise<CellOutcome> {
    const { discover, waitUntilFree } = await import('@auto-circuit/core/run');
    const { cell, folder, hash, parts, hardware } = order;
    const started = performance.now();
    return this.#guarded(cell, async (line, warnings) => {
      await waitUntilFree(folder, WAIT_FOR_LOCK_SECONDS, this.#base.signal);
      const { cli } = line;
      const { request, identity } = await this.#request(line, cell, hash);
      const loadSeconds = (performance.now() - started) / 1000;
      const renderReport = await reportRenderer(cli);
      const run = (existing: ExistingFolder) =>
        discover(
          {
            ...request,
            store: { folder, existing, identity: { ...identity, ...(hardware ? { hardware } : {}) } },
            loadSeconds,
            ...(parts ? { parts } : {}),
          },
          {
            signal: cli.signal,
            onProgress,
            onWarning: (line) => cli.output.warn(line),
            renderReport,
          },
        );
      const { circuit, measurements, timings } = await run('resume').catch((error: unknown) => {
        if (!isBegunOtherwise(error)) throw damagedCell(error, folder);
        cli.output.warn(`${error.parts.what}; it is begun again`);
        return run('overwrite');
      });
      const edges = circuit.edges.length;
      const point = measurements[0]?.points.find((one) => one.edges === edges);
      const seconds = timings.seconds.score + timings.seconds.measure;
      return { kind: 'done', edges, faithfulness: point?.faithfulness ?? null, seconds, warnings } as const;
    });
  }

  /** Some units of a cell's scores. Never throws for what goes wrong with them. */
  async share(
    { cell, hash, range, checkpoint }: ShareOrder,
    onProgress: CellProgressReport = () => undefined,
  ): Promise<ShareOutcome> {
    const { scoreShare } = await import('@auto-circuit/core/run');
    return this.#guarded(cell, async (line, warnings) => {
      const { cli } = line;
      const { request } = await this.#request(line, cell, hash);
      const share = { start: range[0], stop: range[1], ...(checkpoint ? { checkpoint } : {}) };
      const data = await scoreShare(request, share, {
        signal: cli.signal,
        onProgress,
        onWarning: (line) => cli.output.warn(line),
      });
      return { kind: 'done', data, warnings } as const;
    });
  }

  async #guarded<T>(
    cell: Cell,
    work: (line: CellCommandLine, warnings: readonly string[]) => Promise<T>,
  ): Promise<T | Exclude<CellOutcome, { readonly kind: 'done' }>> {
    const warnings: string[] = [];
    const hooks = { onWarning: (line: string) => warnings.push(warningText(line, SETTING_WORDS)) };
    try {
      return await work(await cellCommandLine(this.#base, this.#host, cell, hooks), warnings);
    } catch (error) {
      await this.close(); // it may be in any state
      if (errorKind(error) === 'interrupted') return { kind: 'interrupted' };
      return { kind: 'failed', error: failureText(error) };
    }
  }

  /** @throws AutoCircuitError `plan-changed` where the cell has another address than it was planned with */
  async #request(line: CellCommandLine, cell: Cell, hash?: string): Promise<Awaited<ReturnType<typeof runRequest>>> {
    const { cli, command } = line;
    const named = await namedAlgo(cli, 'experiment', String(cell.flags.algo));
    const opened = await this.#open(line, cell, named.algo.gradients ?? true);
    const made = await runRequest(cli, command, opened, named);
    if (hash === undefined || (await addressOf(made, opened)) === hash) {
      await this.#onMachine(opened.backend.info, opened.patchable.memoryLimit?.bytes ?? 0);
      return made;
    }
    throw new AutoCircuitError({
      code: 'plan-changed',
      fields: { cell: cell.name },
      where: 'plan',
      what: `${cell.name} is no longer the run that was planned: its model, its prompts, a plugin, or the version of the program or of the runtime has changed`,
      fix: 'plan the work again',
    });
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
