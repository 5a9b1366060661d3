#!/usr/bin/env node
/**
 * @file A release from beginning to end, on this machine: versions by changesets in a copy, every package published to a registry on
 * loopback, then installed into empty folders as users do, with install scripts on, and run: by npm and pnpm, from TypeScript, from
 * CommonJS, in Bun and in Deno. Nothing outside the npm registry is needed. Build first.
 *
 *   node scripts/rehearse-release.mjs
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { providePnpm } from './dev.mjs';
import { CONSUMERS } from './release/consumers.mjs';
import { releaseCopy } from './release/publish.mjs';
import { startRegistry } from './release/registry.mjs';

providePnpm();
const work = mkdtempSync(join(tmpdir(), 'auto-circuit-release-'));
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
let failed = 0;
const registry = await startRegistry(join(work, 'registry'));
try {
  const began = performance.now();
  const versions = releaseCopy(join(work, 'copy'), registry);
  console.log(
    `ok   published ${versions.size} packages in ${seconds(began)}: ${[...versions].map((at) => at.join('@')).join(', ')}`,
  );
  rmSync(join(work, 'copy'), { recursive: true }); // what users install owes nothing to it
  for (const [what, check] of Object.entries(CONSUMERS)) {
    const start = performance.now();
    try {
      const said = check(join(work, what.replace(/\W+/g, '-')), registry.env, versions);
      console.log(`ok   ${what}: ${said} (${seconds(start)})`);
    } catch (error) {
      failed++;
      console.error(`FAIL ${what}: ${error instanceof Error ? error.message : error}`);
    }
  }
} catch (error) {
  failed++;
  console.error(`FAIL release: ${error instanceof Error ? error.message : error}`);
} finally {
  await registry.stop();
  rmSync(work, { recursive: true, force: true });
}
console.log(failed === 0 ? 'the release works' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
