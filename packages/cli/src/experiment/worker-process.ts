/** @file One worker process as the experiment sees it: a cell in, an outcome out; a death is an outcome, too. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CellHost } from './cell-cli.js';
import { type CellOrder, type CellOutcome, type CellProgressReport, CellRunner } from './run-cell.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** The worker ended before it had an answer. */
export interface Died {
  readonly kind: 'died';
  readonly how: string;
}

/** Runs one cell at a time. */
export interface CellWorker {
  run(order: CellOrder, onProgress: CellProgressReport): Promise<CellOutcome | Died>;
  /** Lets the cell end after this step. */
  stop(): void;
  close(): Promise<void>;
}

/** Cells in this process. */
export async function workerHere(host: CellHost, signal: AbortSignal): Promise<CellWorker> {
  const runner = await CellRunner.open(host, signal);
  return {
    run: (order, onProgress) => runner.run(order, onProgress),
    stop: () => undefined,
    close: () => runner.close(),
  };
}

/** The built file: Node.js runs no TypeScript. */
const ENTRY = fileURLToPath(new URL('./worker-entry.js', import.meta.url));
const LAST_LINES = 3;

/** Cells in a process of their own. What it writes to stderr (a runtime's last words) becomes part of the sentence when it dies. */
export function workerProcess(host: CellHost): CellWorker {
  const child = fork(ENTRY, [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'], cwd: host.cwd });
  const ended = endOf(child);
  const send = (message: ToWorker): void => {
    if (child.connected) child.send(message, () => undefined); // a worker that is gone is noticed by its end
  };
  send({ kind: 'host', host });
  return {
    async run(order, onProgress) {
      let listener: (message: FromWorker) => void = () => undefined;
      const outcome = new Promise<CellOutcome>((resolve) => {
        listener = (message) => {
          if (message.kind === 'progress') onProgress(message.phase, message.done, message.total);
          else resolve(message.outcome);
        };
      });
      child.on('message', listener);
      send({ kind: 'cell', order });
      const first = await Promise.race([outcome, ended]);
      child.off('message', listener);
      return typeof first === 'string' ? { kind: 'died', how: first } : first;
    },
    stop: () => send({ kind: 'stop' }),
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** How it ended, in words; never rejects. */
async function endOf(child: ChildProcess): Promise<string> {
  let words = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2000);
  });
  // 'close' of the child does not come when its parent disconnects
  const stderrEnded = new Promise<void>((resolve) => {
    child.stderr!.once('end', resolve).once('error', () => resolve());
  });
  const [code, signal] = await new Promise<readonly [number | null, string | null]>((resolve) => {
    child.once('exit', (...how) => resolve(how));
    child.on('error', (error) => {
      if (child.pid === undefined) resolve([null, error.message]);
    });
  });
  if (child.pid !== undefined) await stderrEnded;
  const lines = words.trim().split('\n').slice(-LAST_LINES).join(' ');
  return `${signal === null ? `with code ${code}` : `by ${signal}`}${lines === '' ? '' : `, saying "${lines}"`}`;
}
