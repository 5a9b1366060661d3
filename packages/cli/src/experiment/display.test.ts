/** @file What is drawn while cells run, at the widths of terminals: read back as a terminal that does not wrap would show it. */
import { describe, expect, it } from 'vitest';
import { createOutput } from '../terminal/output.js';
import type { Cell } from './cells.js';
import { createDisplay } from './display.js';

const cell = (name: string): Cell => ({
  name,
  ...{ task: 't', algo: 'a', seed: 0, flags: {}, algoFlags: [], openKey: '' },
});
const WARNING = `${'a sentence that goes on and on, '.repeat(8)}choose one with --keep N`;

function drawn(columns: number): string {
  let text = '';
  const stream = {
    isTTY: true,
    columns,
    on: () => stream,
    write: (more: string) => {
      text += more;
      return true;
    },
  };
  const streams = {
    stdout: stream,
    stderr: stream,
    cwd: '/',
    env: { NO_COLOR: '1' },
    signal: new AbortController().signal,
  };
  const display = createDisplay(createOutput(streams), 2, 2, 0);
  const [first, second] = [cell('task/a-name-that-is-much-longer-than-any-line-should-be/seed-0'), cell('short')];
  display.start(0, first);
  display.start(1, second);
  display.progress(0, 'measure', 1, 2);
  display.end(0, first, { kind: 'done', edges: 3, faithfulness: 0.5, seconds: 1, warnings: [WARNING] });
  display.stop();
  return text;
}

describe.each([40, 80, 120])('the display of an experiment in %i columns', (columns) => {
  const lines = drawn(columns)
    .split('\u001b')
    .flatMap((piece, i) => (i === 0 ? piece : piece.replace(/^\[\??[0-9;]*[A-Za-z]/, '')).split(/[\n\r]/));

  it('has no line as wide as the terminal, which would be cut off or wrapped', () => {
    expect(lines.filter((line) => line.length >= columns)).toEqual([]);
  });

  it('keeps the end of a long warning, where its advice is, and clears what a bar left beside it', () => {
    expect(lines.join(' ').replace(/\s+/g, ' ')).toContain('choose one with --keep N');
    expect(drawn(columns)).toContain('N\u001b[K\n');
  });
});
