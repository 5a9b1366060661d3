/** @file Cases as processes: ours and the Python library's, each giving its JSON line. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CASE_SCRIPT = fileURLToPath(new URL('./case.mjs', import.meta.url));

export function ours(name, shape, flags = []) {
  return lastJson(
    spawnSync(process.execPath, [CASE_SCRIPT, name, shape, ...flags], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
    name,
  );
}
/** @param peers {venv, script}; `peerCase` [name, …flags] of the script */
export function theirs({ venv, script }, [name, ...flags], shape) {
  const [batch, seq] = shape.split('x');
  const args = [script, name, '--batch', batch, '--seq', seq, '--reps', '5', ...flags];
  return lastJson(
    spawnSync(`${venv}/bin/python`, args, {
      encoding: 'utf8',
      env: { ...process.env, OLD_TL: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
    name,
  );
}
function lastJson({ stdout, status }, name) {
  const line = (stdout ?? '').trim().split('\n').at(-1);
  if (status !== 0 || !line?.startsWith('{')) {
    console.error(`[bench] case ${name} failed with status ${status}`);
    process.exit(1);
  }
  return JSON.parse(line);
}

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
