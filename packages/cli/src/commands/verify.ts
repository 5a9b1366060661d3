/** @file `auto-circuit verify RUN --backend B`: the numbers of a finished run recomputed on another backend, and compared. */
import { resolve } from 'node:path';
import type { Verification } from '@auto-circuit/core/run';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { READ_FLAGS, readOptions } from '../context/read-options.js';
import { addFlags, requireFlag } from '../flags/flag-table.js';
import { addBackendFlags } from '../open/open-backend.js';
import { reportRenderer } from '../report/run-report.js';
import { chosenAgain } from '../run/chosen-again.js';
import { knownFor, metricsNamed } from '../run/named-contributions.js';
import { openRun } from '../run/open-run.js';
import { givenFlags, runDefaults, withDefaults } from '../run/run-defaults.js';
import { phaseBar } from '../run/run-discover.js';
import { circuitSettings } from '../run/run-request.js';
import { checkSameSources } from '../run/same-sources.js';
import { countOf, formatCount, formatValue } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';

/** The numbers came out otherwise: no mistake in the command line, but nothing to build on either. */
const DISAGREES = 1;

/** `auto-circuit verify`. */
export const verifyCommand: CliCommand = {
  build: () =>
    addBackendFlags(
      addFlags(
        new Command('verify')
          .description('Recomputes the numbers of a finished run with another backend, and compares them')
          .argument('<run>', 'a run folder'),
        READ_FLAGS,
      ),
    ).addHelpText(
      'after',
      `
Exit code 0 when scores, circuit and metrics agree, 1 when they do not. The result is kept in RUN/verify-BACKEND.json
and shown in report.html; nothing else of the run is changed.

Example:
  $ auto-circuit verify runs/ioi --backend tfjs`,
    ),
  async run(plainCli, command) {
    const [name] = command.processedArgs as [string];
    requireFlag(
      givenFlags(command).find((flag) => flag === 'backend'),
      command,
      '--backend',
      'interpreter',
    );
    const { checkSameGraph, openExistingRun, readFinishedRun, verifyRun } = await import('@auto-circuit/core/run');
    const renderReport = await reportRenderer(plainCli);
    const folder = resolve(plainCli.cwd, name);
    const options = readOptions(plainCli);
    const { store, run } = await openExistingRun(folder, options);
    try {
      const before = await readFinishedRun(folder, options);
      // Backend, device and threads are this command line's, not the run's.
      const { backend: _, device: __, threads: ___, ...settings } = runDefaults(run, command);
      const cli = withDefaults(plainCli, command, settings);
      const opened = await openRun(cli, command);
      try {
        await checkSameSources('verify', run, opened, name);
        checkSameGraph(before.graph, opened.graph, name);
        const bar = phaseBar(cli.output);
        const metrics = await metricsNamed(cli, 'verify', before.measurements.map(({ metric }) => metric).join(','));
        const verification = await verifyRun(
          {
            ...(await circuitSettings(cli, command)),
            ...(await chosenAgain(cli, 'verify', run)),
            model: opened.patchable,
            prompts: opened.prompts,
            metrics,
            known: await knownFor(opened, metrics),
            backend: opened.backend.info,
            constants: store.constants(),
            before,
          },
          { signal: cli.signal, onProgress: bar.report },
        ).finally(bar.stop);
        await store.writeVerification(verification);
        await store.writeReport(renderReport(await readFinishedRun(folder, options)));
        if (cli.output.jsonOnly) cli.output.json({ run: folder, ...verification });
        else show(cli.output, verification, name);
        return verification.agrees ? 0 : DISAGREES;
      } finally {
        await opened.dispose();
      }
    } finally {
      await store.close();
    }
  },
};

function show(output: Output, verification: Verification, name: string): void {
  const { backend, against, scores, circuit, measurements } = verification;
  const place = ({ name: own, device }: { readonly name: string; readonly device: string }) => `${own} on ${device}`;
  const verdict = (agrees: boolean): string => (agrees ? output.colors.green('agrees') : output.colors.red('DIFFERS'));
  const right = (title: string) => ({ title, align: 'right' as const });
  const number = (value: number | 'inf' | '-inf'): string => (typeof value === 'number' ? formatValue(value) : value);
  output.line(output.colors.bold(`${place(backend)} against the run’s ${place(against)}`));
  if (backend.name === against.name) {
    output.line(
      'the same backend as the run’s: this shows that the run is reproducible, not that the backend is right',
    );
  }
  output.line();
  writeTable(
    output,
    [{ title: 'compared' }, right('largest difference'), right('allowed'), { title: 'where' }, { title: '' }],
    [
      [
        'scores, relative to the largest',
        number(scores.relative),
        formatValue(scores.tolerance),
        scores.edge ?? '',
        verdict(scores.agrees),
      ],
      [
        'edges of the kept circuit',
        formatCount(circuit.either - circuit.both),
        'near ties',
        `${formatCount(circuit.both)} in both, ${formatCount(circuit.either)} in either`,
        verdict(circuit.agrees),
      ],
      ...measurements.map(({ metric, unit, difference, tolerance, at, agrees }) => [
        `${metric} (${unit})`,
        number(difference),
        formatValue(tolerance),
        typeof at === 'number' ? countOf(at, 'edge') : at === 'model' ? 'whole model' : 'empty circuit',
        verdict(agrees),
      ]),
    ],
  );
  output.line();
  output.line(differing(verification));
  output.line(`files   ${name}/verify-${backend.name}.json, ${name}/report.html`);
}

function differing({ agrees, scores, circuit, measurements }: Verification): string {
  if (agrees) return 'the run is confirmed';
  const names = [
    ...(scores.agrees ? [] : ['scores']),
    ...(circuit.agrees ? [] : ['circuit']),
    ...measurements.filter((compared) => !compared.agrees).map(({ metric }) => metric),
  ];
  return `the run is not confirmed; what differs: ${names.join(', ')}`;
}
