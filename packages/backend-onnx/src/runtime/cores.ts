/** @file How many threads a session takes by default: the physical cores of this machine. */
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Matrix kernels gain nothing from two threads on one core. */
export function physicalCores(): number {
  return Math.max(1, Math.min(countCores(), os.availableParallelism()));
}
function countCores(): number {
  const logical = os.cpus().length;
  if (process.platform === 'linux') {
    const cores = countLinuxCores();
    if (cores > 0) return cores;
  }
  return process.arch === 'x64' && process.platform !== 'linux' ? Math.ceil(logical / 2) : logical;
}

/** Distinct (package, core) pairs; 0 when the kernel does not tell (as on Arm, which has one thread a core). */
function countLinuxCores(): number {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  const cores = new Set<string>();
  for (const block of text.split('\n\n')) {
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    if (core !== undefined) cores.add(`${/^physical id\s*:\s*(\d+)/m.exec(block)?.[1] ?? 0} ${core}`);
  }
  return cores.size;
}
