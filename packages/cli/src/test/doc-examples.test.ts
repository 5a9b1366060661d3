/** @file How examples are found in Markdown. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileExamples } from './compile-examples.js';
import { docExamples, nodeArguments } from './doc-examples.js';

describe('examples in Markdown', () => {
  it('are the fenced blocks after a mark, and no others', () => {
    const text = '<!-- run -->\n```sh\na\nb\n```\n\n```sh\nnot this\n```\n<!-- file: p.json -->\n```json\n{}\n```\n';
    expect(docExamples(text)).toEqual([
      { kind: 'run', name: '', text: 'a\nb\n' },
      { kind: 'file', name: 'p.json', text: '{}\n' },
    ]);
  });
  it('give the arguments that a shell would', () => {
    const text =
      'npx auto-circuit patch --edges "A0.0->Resid End" \\\n  --wrong \' x\'  # why\n# only words\nnode a.mjs\n';
    expect(nodeArguments(text, 'M')).toEqual([
      ['M', 'patch', '--edges', 'A0.0->Resid End', '--wrong', ' x'],
      ['a.mjs'],
    ]);
    expect(() => nodeArguments('npm test', 'M')).toThrow('neither auto-circuit nor node: npm test');
  });
  it('in TypeScript are compiled strictly, and what is wrong is said by file and line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'compiled-'));
    writeFileSync(join(folder, 'one.ts'), 'export const one: number = 1;\n');
    writeFileSync(join(folder, 'two.ts'), "import { one } from './one.ts';\nexport const two = (x) => x + one;\n");
    expect(compileExamples(folder, ['one.ts'])).toEqual([]);
    expect(existsSync(join(folder, 'one.js'))).toBe(true);
    expect(compileExamples(folder, ['two.ts'])).toEqual(["two.ts:2: Parameter 'x' implicitly has an 'any' type."]);
    rmSync(folder, { recursive: true });
  });
});
