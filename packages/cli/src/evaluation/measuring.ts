/** @file What measuring a run and measuring a circuit file share: the flag for the output file, reading circuits, the bar. */
import type { Circuit, Graph } from '@auto-circuit/core';
import type { Cli } from '../context/context.js';
import type { FlagTable } from '../flags/flag-table.js';
import { readText } from '../open/read-text.js';
import { createProgress } from '../terminal/progress.js';

/** `--out` of `evaluate`. */
export const EVALUATE_OUT_FLAGS = {
  out: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'also write the measurements to this file: of a circuit file, of scores without a run, or of another --select than the run’s',
    unset: 'none',
  },
} as const satisfies FlagTable;

/** A circuit file, checked to be of this graph. `name`: the file as the user typed it. */
export async function readCircuit(path: string, graph: Graph, name = path): Promise<Circuit> {
  const { parseCircuitJson } = await import('@auto-circuit/core/run');
  return parseCircuitJson(await readText(path, name), name, graph).circuit;
}

/** What a measurement reports to. */
export interface BarHooks {
  readonly onProgress: (done: number, total: number) => void;
  readonly onWarning: (line: string) => void;
  readonly signal: AbortSignal;
}
/** Measures circuits with a progress bar. */
export async function withBar<T>(cli: Cli, work: (hooks: BarHooks) => Promise<T>): Promise<T> {
  const bar = createProgress(cli.output, 'circuits');
  try {
    return await work({
      onProgress: (done, total) => bar.report(done, total, 'circuits'),
      onWarning: (line) => {
        bar.stop();
        cli.output.warn(line);
      },
      signal: cli.signal,
    });
  } finally {
    bar.stop();
  }
}
