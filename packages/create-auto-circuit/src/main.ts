#!/usr/bin/env node
/** @file `npm create auto-circuit`. Exit code 2 and a sentence for a command line that makes no sense. */
import { create } from './create.js';
import { UsageError } from './request.js';

const asks = process.stdin.isTTY && process.stdout.isTTY;
try {
  const ask = asks ? (await import('./ask.js')).terminalAsker : null;
  await create(process.argv.slice(2), { cwd: process.cwd(), ask, say: (text) => process.stdout.write(text) });
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 2;
}
