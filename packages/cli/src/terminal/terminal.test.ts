/** @file Numbers, tables, progress bars and errors as they are shown. */
import { AutoCircuitError } from '@auto-circuit/core';
import { describe, expect, it } from 'vitest';
import { reportError } from './errors.js';
import { formatBytes, formatSeconds, formatText, formatValue } from './numbers.js';
import { createOutput, type TextStream } from './output.js';
import { createProgress } from './progress.js';
import { tableLines } from './table.js';
import { wrapText } from './wrap.js';

function terminal(isTTY: boolean, columns = 60) {
  const written: string[] = [];
  const stream: TextStream = { write: (text: string) => written.push(text), isTTY, columns };
  const streams = { stdout: stream, stderr: stream, cwd: '/', env: {}, signal: new AbortController().signal };
  return { streams, text: () => written.join('') };
}

describe('numbers', () => {
  it('have the digits that matter', () => {
    expect([0, 0.28414, 12.345, -1234.56, 1.2e-7, 1e9, Infinity, -Infinity, Number.NaN].map(formatValue)).toEqual([
      '0',
      '0.2841',
      '12.35',
      '-1235',
      '1.20e-7',
      '1.00e+9',
      'inf',
      '-inf',
      'nan',
    ]);
    expect([0, 900, 1536, 512 * 2 ** 20, 3 * 2 ** 40].map(formatBytes)).toEqual([
      '0 B',
      '900 B',
      '1.5 KiB',
      '512 MiB',
      '3.0 TiB',
    ]);
    expect([0.25, 42, 59.7, 185, 7620].map(formatSeconds)).toEqual([
      '0.3 s',
      '42 s',
      '1 min 0 s',
      '3 min 5 s',
      '2 h 7 min',
    ]);
    expect([formatText(' Mary'), formatText('\n'), formatText('a'.repeat(99), 21)]).toEqual([
      '" Mary"',
      '"\\n"',
      '"aaaaaaaa … aaaaaaaa"',
    ]);
  });
});

describe('tables', () => {
  it('align, and wrap the widest text to the terminal', () => {
    const { streams } = terminal(false, 40);
    const lines = tableLines(
      createOutput(streams),
      [{ title: 'name' }, { title: 'n', align: 'right' }, { title: 'doc' }],
      [
        ['a', '1', 'short'],
        ['bb', '100', 'a text that is longer than the terminal is wide'],
      ],
    );
    expect(lines).toEqual([
      'name    n  doc',
      'a       1  short',
      'bb    100  a text that is longer than',
      '           the terminal is wide',
    ]);
  });
});

describe('lines', () => {
  it('break between words, colours not counted, and inside a word only where it is longer than a line', () => {
    expect(wrapText('a bb ccc dddd', 8, 2)).toEqual(['a bb ccc', '  dddd']);
    expect(wrapText('\u001b[33ma\u001b[39m bb ccc', 8)).toEqual(['\u001b[33ma\u001b[39m bb ccc']);
    expect(wrapText('see runs/a-folder now', 8, 2)).toEqual(['see', '  runs/a', '  -folde', '  r now']);
  });
});

describe('progress', () => {
  it('shows only on a terminal, only after a second, with rate and time left', () => {
    const { streams, text } = terminal(true, 100);
    let clock = 0;
    const bar = createProgress(createOutput(streams), 'scores', () => clock);
    clock = 900;
    bar.report(1, 40, 'batches');
    expect(text()).toBe('');
    clock = 2000;
    bar.report(8, 40, 'batches');
    bar.stop();
    expect(text()).toMatch(/scores {2}█+░+ {2}8\/40 batches {2}6\.4\/s {2}5\.0 s left/); // 7 in 1.1 s, 32 to go
    const silent = terminal(false);
    const none = createProgress(createOutput(silent.streams), 'scores', () => clock);
    clock = 9000;
    none.report(1, 2);
    none.stop();
    expect(silent.text()).toBe('');
  });

  it('counts only what this process did, so that a resumed run does not promise too much', () => {
    const shownAfter = (reports: readonly (readonly [clock: number, done: number])[]): string => {
      const { streams, text } = terminal(true, 100);
      let clock = 0;
      const bar = createProgress(createOutput(streams), 'scores', () => clock);
      for (const [at, done] of reports) {
        clock = at;
        bar.report(done, 100, 'runs');
      }
      bar.stop();
      return text();
    };
    // 80 were done before; the first step here ended at 5 s, the next at 10 s: 18 steps of 5 s are left
    expect(
      shownAfter([
        [5000, 81],
        [10_000, 82],
      ]),
    ).toMatch(/82\/100 runs {2}5\.0 s each {2}1 min 30 s left/);
    // 80 read back from files at once
    expect(
      shownAfter([
        [0, 0],
        [10, 80],
        [10_010, 82],
      ]),
    ).toMatch(/82\/100 runs {2}5\.0 s each {2}1 min 30 s left/);
    // begun here: the first step took 10 s
    expect(shownAfter([[10_000, 1]])).toMatch(/1\/100 runs {2}10 s each {2}16 min 30 s left/);
  });
});

describe('errors', () => {
  it('the code says whose mistake it was, also for errors of another copy of core', () => {
    const { streams, text } = terminal(false);
    const output = createOutput(streams);
    const foreign = Object.assign(new Error('[x] wrong'), { name: 'AutoCircuitError', kind: 'user', where: 'x' });
    const stopped = new DOMException('aborted', 'AbortError');
    const kept = new AutoCircuitError({ code: 'interrupted', where: 'run', what: 'stopped', kind: 'interrupted' });
    const codes = [foreign, new TypeError('bug\nhere'), stopped, kept, 'text'].map((error) =>
      reportError(output, error, false),
    );
    expect(codes).toEqual([2, 1, 130, 130, 1]);
    expect(text().split('\n').slice(0, 4)).toEqual([
      'error: [x] wrong',
      'error: [auto-circuit] a bug in auto-circuit: bug here (--debug shows where; please report it)',
      'interrupted: stopped by Ctrl-C',
      'interrupted: [run] stopped',
    ]);
  });

  it('are on stderr alone once a document is written, so that stdout holds one', () => {
    const { streams, text } = terminal(false);
    const output = createOutput({ ...streams, stderr: terminal(false).streams.stderr }, { json: true });
    output.json({ done: true });
    reportError(output, new Error('late'), false);
    expect(JSON.parse(text())).toEqual({ done: true });
  });

  it('are one document on stdout with --json, whatever was thrown', () => {
    const documents = (error: unknown) => {
      const out = terminal(false);
      const streams = { ...out.streams, stderr: terminal(false).streams.stderr };
      reportError(createOutput(streams, { json: true }), error, false);
      return JSON.parse(out.text()).error;
    };
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    const own = new AutoCircuitError({
      code: 'memory-limit',
      where: 'here',
      what: 'too much',
      got: '3 GiB',
      fields: { bytes: 3, limit: Number.POSITIVE_INFINITY, loop },
    });
    expect(documents(own)).toEqual({
      code: 'memory-limit',
      kind: 'user',
      where: 'here',
      message: '[here] too much: got 3 GiB',
      what: 'too much',
      got: '3 GiB',
      fields: { bytes: 3, limit: 'inf' },
    });
    expect(documents(new TypeError('bug'))).toMatchObject({
      code: 'internal',
      kind: 'internal',
      where: 'auto-circuit',
      message: '[auto-circuit] a bug in auto-circuit: bug (--debug shows where; please report it)',
    });
    expect(documents(new DOMException('aborted', 'AbortError'))).toMatchObject({
      code: 'interrupted',
      kind: 'interrupted',
    });
    const foreign = Object.assign(new Error('[x] wrong'), { name: 'AutoCircuitError', kind: 'user', where: 'x' });
    expect(documents(foreign)).toEqual({
      code: 'internal',
      kind: 'user',
      where: 'x',
      message: '[x] wrong',
      fields: {},
    });
  });
});
