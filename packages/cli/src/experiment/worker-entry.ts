/** @file A worker process of an experiment: runs the cells that its parent sends, and ends when the parent is gone. */
import { CellRunner } from './run-cell.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** Reports of progress closer together than this are left out. */
const REPORT_EVERY_MS = 100;

const stopping = new AbortController();
let runner: Promise<CellRunner> | null = null;
let reported = 0;

const send = (message: FromWorker): void => {
  if (process.connected) process.send!(message, undefined, undefined, () => undefined); // the parent may have just died
};

process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group of processes; the parent decides what to do
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') stopping.abort();
  else if (message.kind === 'host') runner = CellRunner.open(message.host, stopping.signal);
  else void runCell(message);
});

async function runCell({ order }: Extract<ToWorker, { readonly kind: 'cell' }>): Promise<void> {
  const outcome = await (await runner!).run(order, (phase, done, total) => {
    const now = performance.now();
    if (now - reported < REPORT_EVERY_MS && done < total) return;
    reported = now;
    send({ kind: 'progress', phase, done, total });
  });
  send({ kind: 'outcome', outcome });
}
