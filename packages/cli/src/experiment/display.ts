/** @file What is seen while cells run: a line for each that ends, and on a terminal a bar for each worker and one for all. */
import type { RunPhase } from '@auto-circuit/core/run';
import cliProgress from 'cli-progress';
import { countOf, formatFaithfulness, formatSeconds } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { wrapText } from '../terminal/wrap.js';
import type { Cell } from './cells.js';
import type { CellOutcome } from './run-cell.js';

/** What the runner of cells reports to. A slot is the place of one worker, from 0. */
export interface Display {
  start(slot: number, cell: Cell): void;
  progress(slot: number, phase: RunPhase, done: number, total: number): void;
  retry(cell: Cell, reason: string): void;
  end(slot: number, cell: Cell, outcome: CellOutcome): void;
  /** Takes the bars away. */
  stop(): void;
}

const PHASES: Readonly<Record<RunPhase, string>> = {
  reference: 'model',
  score: 'scores',
  resample: 'resamples',
  measure: 'circuits',
};
const BAR = 20;
/** What stands beside a bar takes so many columns but for the name: gaps, and the longest phase or count. */
const BESIDE = 2 + 2 + Math.max(...Object.values(PHASES).map(({ length }) => length));
const NAME_WIDTHS = { least: 12, most: 48 };
const INDENT = 9;
/** Takes away what a bar has left to the right of a shorter line. */
const CLEAR_TO_END = '\u001b[K';

/**
 * @param total cells of the experiment; `before`: how many of them were done already
 */
export function createDisplay(output: Output, slots: number, total: number, before: number): Display {
  const { green, red, yellow, dim } = output.errorColors;
  const live = !output.quiet && output.streams.stderr.isTTY === true ? liveBars(output, slots, total, before) : null;
  let ended = before;
  const log = (text: string): void => {
    if (live) live.log(text);
    else output.note(text);
  };
  return {
    start: (slot, cell) => live?.worker(slot, 0, 1, cell.name, ''),
    progress: (slot, phase, done, all) => live?.worker(slot, done, all, null, PHASES[phase]),
    retry(cell, reason) {
      log(`${yellow('again')}   ${cell.name}: ${reason}`);
    },
    end(slot, cell, outcome) {
      live?.worker(slot, 0, 1, '', '');
      if (outcome.kind === 'interrupted') return;
      ended++;
      live?.all(ended);
      const count = dim(`${String(ended).padStart(String(total).length)}/${total}`);
      if (outcome.kind === 'failed') {
        log(`${count} ${red('failed')}  ${cell.name}: ${outcome.error}`);
        return;
      }
      for (const warning of outcome.warnings) log(`${yellow('warning:')} ${cell.name}: ${warning}`);
      log(`${count} ${green('done')}    ${cell.name}  ${doneText(outcome)}`);
    },
    stop: () => live?.stop(),
  };
}

function doneText({ edges, faithfulness, seconds }: Extract<CellOutcome, { readonly kind: 'done' }>): string {
  const faithful =
    faithfulness === null
      ? ''
      : `, faithfulness ${typeof faithfulness === 'number' ? formatFaithfulness(faithfulness) : faithfulness}`;
  return `${countOf(edges, 'edge')}${faithful}, ${formatSeconds(seconds)}`;
}

interface LiveBars {
  log(text: string): void;
  worker(slot: number, done: number, total: number, name: string | null, phase: string): void;
  all(done: number): void;
  stop(): void;
}

interface Payload {
  readonly name: string;
  readonly phase: string;
}

function liveBars(output: Output, slots: number, total: number, before: number): LiveBars {
  const { stderr, signal } = output.streams;
  // One column stays free: bars and lines as wide as the terminal would wrap, and be drawn over by the next ones.
  const room = (): number => (stderr.columns ?? 100) - 1;
  const bars = new cliProgress.MultiBar(
    {
      // a terminal: the caller looked
      stream: stderr as NodeJS.WriteStream,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // Ctrl-C is main's
      fps: 8,
      format: (_, { progress }, { name, phase }: Payload) => {
        const filled = Math.round(Math.max(0, Math.min(1, progress)) * BAR);
        const width = Math.max(NAME_WIDTHS.least, Math.min(NAME_WIDTHS.most, room() - BAR - BESIDE));
        const shown = name.length > width ? `${name.slice(0, width - 1)}…` : name.padEnd(width);
        return `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}  ${shown}  ${phase}`;
      },
    },
    cliProgress.Presets.shades_classic,
  );
  const names = Array.from({ length: slots }, () => '');
  const workers = names.map(() => bars.create(1, 0, { name: '', phase: '' } satisfies Payload));
  const whole = bars.create(total, before, { name: 'all cells', phase: `${before}/${total}` } satisfies Payload);
  let stopped = false;
  const stop = (): void => {
    if (!stopped) {
      bars.update(); // writes the lines that wait
      bars.stop();
    }
    stopped = true;
    signal.removeEventListener('abort', stop);
  };
  signal.addEventListener('abort', stop);
  return {
    log(text) {
      if (stopped) output.note(text);
      else for (const line of wrapText(text, room(), INDENT)) bars.log(`${line}${CLEAR_TO_END}\n`);
    },
    worker(slot, done, all, name, phase) {
      names[slot] = name ?? names[slot]!;
      workers[slot]!.setTotal(Math.max(1, all));
      workers[slot]!.update(done, { name: names[slot]!, phase });
    },
    all: (done) => whole.update(done, { phase: `${done}/${total}` }),
    stop,
  };
}
