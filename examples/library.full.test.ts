/** @file The library example as users have it: it runs, and as TypeScript it passes the strict checks of both compilers. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const EXAMPLE = join(ROOT, 'examples', 'library.mjs');

describe('examples/library.mjs', () => {
  it('finds the strongest edge, and says what circuit, patch and ablation do', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [EXAMPLE], { cwd: ROOT, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    const [strongest, ...measured] = stdout.trim().split('\n');
    expect(strongest).toMatch(/^the strongest of 262 edges is \S.*->\S.*: -?\d+\.\d{3}$/);
    expect(measured).toHaveLength(3);
    for (const line of measured)
      expect(line).toMatch(/^[a-z0-9 ]+: kl \d+\.\d{3} nats, logit-diff -?\d+\.\d{3} logits$/);
  });
});

describe('examples/library.mjs as TypeScript', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(ROOT, '.tools', 'types-')); // beside node_modules, so that packages are found as users' are
    copyFileSync(EXAMPLE, join(folder, 'library.ts'));
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', module: 'nodenext' };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['library.ts'] }));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  });
  afterAll(() => {
    rmSync(join(folder, 'node_modules'));
    rmSync(folder, { recursive: true });
  });

  it.each(['typescript', 'typescript-5.9'])(
    '%s finds nothing to say, declarations of the packages included',
    (name) => {
      const require = createRequire(join(ROOT, 'package.json'));
      const compiler = join(require.resolve(`${name}/package.json`), '..', 'bin', 'tsc');
      const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(stdout).toBe('');
      expect(status).toBe(0);
    },
  );
});
