/** @file Room `report`: reports as the commands write them, with areas, known circuits and overlaps beside a run's own files. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ReportInput } from '@auto-circuit/core/run';
import type { Cli } from '../context/context.js';
import { readOptions } from '../context/read-options.js';
import { comparisonReport, reportAddress } from './comparison.js';
import { runFigures } from './figures.js';

/** Makes the HTML report of a run; the same for the same run, whichever command asks. */
export async function reportRenderer(cli: Cli): Promise<(input: ReportInput) => string> {
  const { renderReport } = await import('@auto-circuit/viewer');
  const figuresOf = await runFigures(cli);
  return (input) => renderReport(input, figuresOf(input));
}

/**
 * What makes the report of run folders from their files, anew at each call: of one run its own, of several one of all.
 * @param page where the page will lie, for links to the runs' own reports; null: it will not lie beside them
 */
export async function reportOfFolders(
  cli: Cli,
  folders: readonly string[],
  page: string | null,
): Promise<() => Promise<string>> {
  const { readFinishedRun } = await import('@auto-circuit/core/run');
  const options = readOptions(cli);
  const paths = folders.map((folder) => resolve(cli.cwd, folder));
  if (paths.length === 1) {
    const render = await reportRenderer(cli);
    return async () => render(await readFinishedRun(paths[0]!, options));
  }
  return async () => {
    const runs = [];
    for (const path of paths) {
      const linked = page !== null && existsSync(join(path, 'report.html'));
      runs.push({
        input: await readFinishedRun(path, options),
        ...(linked ? { href: reportAddress(page, path) } : {}),
      });
    }
    return comparisonReport(cli, `${paths.length} runs compared`, runs);
  };
}
