/** @file One bar on stderr, on a terminal only, for work that takes longer than a second: rate and time left. */
import type { Progress } from '@auto-circuit/core/plugin';
import cliProgress from 'cli-progress';
import { formatBytes, formatCount, formatSeconds } from './numbers.js';
import type { Output } from './output.js';

/** A bar that is drawn when `report` is called. */
export interface ProgressBar extends Progress {
  /** Takes the bar away. Call it when the work is done, and before anything else is written. */
  stop(): void;
}

const SHOWN_AFTER_MS = 1000;
const REDRAWS_PER_SECOND = 8;

/**
 * A progress bar for `label`; the same interface everywhere, silent where nobody looks (no terminal, `--quiet`).
 * @example
 * const bar = createProgress(output, 'scores');
 * try { await work(bar); } finally { bar.stop(); }
 */
export function createProgress(output: Output, label: string, now: () => number = Date.now): ProgressBar {
  const { stderr, signal } = output.streams;
  if (output.quiet || stderr.isTTY !== true) return SILENT;
  const started = now();
  let since: Since | null = null;
  let bar: cliProgress.SingleBar | null = null;
  const stop = (): void => {
    bar?.stop();
    bar = null;
    signal.removeEventListener('abort', stop);
  };
  signal.addEventListener('abort', stop);
  return {
    report(done, total, unit = '') {
      if (signal.aborted) return; // the terminal is for other lines now
      const early = now() - started < SHOWN_AFTER_MS;
      if (early) since = { done, at: now() };
      else since ??= done > 1 ? { done, at: now() } : { done: 0, at: started };
      if (early && !bar) return;
      if (!bar) {
        bar = new cliProgress.SingleBar(
          {
            // a real terminal stream: checked above
            stream: stderr as NodeJS.WriteStream,
            fps: REDRAWS_PER_SECOND,
            hideCursor: true,
            clearOnComplete: true,
            gracefulExit: false, // Ctrl-C is main's
            format: (options, params, payload) => barText(options, params, payload as BarPayload),
            barsize: 28,
          },
          cliProgress.Presets.shades_classic,
        );
        bar.start(total, done, { label, unit, since, now } satisfies BarPayload);
      }
      bar.setTotal(total);
      bar.update(done, { unit, since });
    },
    stop,
  };
}

const SILENT: ProgressBar = Object.freeze({ report: () => undefined, stop: () => undefined });

/**
 * Where rate and time left are counted from. What was done before this process began, or is read back from files, comes in the
 * first second, or with the first report of slow work; neither says how fast the rest will be.
 */
interface Since {
  readonly done: number;
  readonly at: number;
}

interface BarPayload {
  readonly label: string;
  readonly unit: string;
  readonly since: Since;
  readonly now: () => number;
}

/** `scores  ███████░░░░  12/40 batches  3.1/s  9 s left`. */
function barText(
  options: cliProgress.Options,
  params: cliProgress.Params,
  { label, unit, since, now }: BarPayload,
): string {
  const size = options.barsize ?? 28;
  const filled = Math.round(params.progress * size);
  const bar = '█'.repeat(filled) + '░'.repeat(size - filled);
  const seconds = (now() - since.at) / 1000;
  const rate = seconds > 0 ? (params.value - since.done) / seconds : 0;
  const left = rate > 0 ? `${formatSeconds((params.total - params.value) / rate)} left` : '';
  const bytes = unit === 'bytes';
  const amount = bytes ? formatBytes : formatCount;
  const count = `${amount(params.value)}/${amount(params.total)}${unit && !bytes ? ` ${unit}` : ''}`;
  return [label, bar, count, rate > 0 ? (bytes ? `${formatBytes(rate)}/s` : formatRate(rate)) : '', left]
    .filter(Boolean)
    .join('  ');
}

function formatRate(rate: number): string {
  return rate >= 1 ? `${rate >= 10 ? formatCount(rate) : rate.toFixed(1)}/s` : `${formatSeconds(1 / rate)} each`;
}
