/**
 * @file Runs a command and watches its memory from outside (Linux): the peak of what is resident (VmHWM), and the peaks of its
 * two parts, memory of its own (RssAnon) and pages of mapped files (RssFile: weights; the system takes them back when it must).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const EVERY_MS = 20;

/** Gives {code, seconds, cpuSeconds, stdout, stderr, peak: {resident, own, mapped} in MiB}. */
export function measuredChild(command, args, options = {}) {
  const started = performance.now();
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const peak = { resident: 0, own: 0, mapped: 0 };
  let cpuSeconds = 0;
  const look = () => {
    const status = textOf(`/proc/${child.pid}/status`);
    const mib = (key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
    peak.resident = Math.max(peak.resident, mib('VmHWM'));
    peak.own = Math.max(peak.own, mib('RssAnon'));
    peak.mapped = Math.max(peak.mapped, mib('RssFile'));
    const ticks = textOf(`/proc/${child.pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
    cpuSeconds = Math.max(cpuSeconds, (Number(ticks[11] ?? 0) + Number(ticks[12] ?? 0)) / 100);
  };
  const timer = setInterval(look, EVERY_MS);
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      resolve({ code, seconds: (performance.now() - started) / 1000, cpuSeconds, peak, ...output });
    });
  });
}

/** A process that has just ended has no files any more. */
function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
    throw error;
  }
}
