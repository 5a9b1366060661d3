/** @file Completion scripts: that of bash is run by bash; those of the others are read. */
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { runMain } from './run-main.js';

const hasBash = spawnSync('bash', ['--version']).status === 0;
let script = '';
beforeAll(async () => {
  script = (await runMain(['completion', 'bash'])).stdout;
});

/** What bash offers for the last word of a line. */
function offered(...words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const call = `COMP_WORDS=(auto-circuit ${line}); COMP_CWORD=${words.length}; _auto_circuit; printf '%s\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `${script}\n${call}`], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter(Boolean);
}

describe.skipIf(!hasBash)('in bash', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['commands', ['disc'], ['discover']],
    ['flags', ['discover', '--ablate'], ['--ablate-from']],
    ['algorithms', ['discover', '--algo', 'eap-ig-i'], ['eap-ig-inputs']],
    ['presets', ['discover', '--algo', 'official'], ['official-circuit']],
    ['the same after =', ['discover', '--algo', '=', 'eap-ig-i'], ['eap-ig-inputs']],
    ['tasks', ['discover', '--task', 'ioi-mini-'], ['ioi-mini-positions']],
    ['models', ['logits', '--model', 'tracr-r'], ['tracr-reverse']],
    ['backends', ['verify', 'runs/x', '--backend', 'tf'], ['tfjs']],
    ['devices', ['discover', '--device', 'cu'], ['cuda']],
    ['ablations', ['discover', '--ablation', 'batch-p'], ['batch-position-mean']],
    ['objectives', ['discover', '--objective', 'answer-logi'], ['answer-logit']],
    ['the last of a list', ['evaluate', 'x', '--metric', 'kl,logit-diff-'], ['kl,logit-diff-percent']],
    ['several algorithms', ['compare', '--algos', 'eap,exa'], ['eap,exact']],
    ['options of algorithms', ['discover', '--algo.ste'], ['--algo.steps']],
    ['their values', ['discover', '--algo.faithfulness', 'ms'], ['mse']],
    ['dialects', ['convert', 'x.json', '--to', 'eap-'], ['eap-ig']],
    ['lists', ['list', 'backe'], ['backends']],
    ['shells', ['completion', 'fi'], ['fish']],
  ])('%s: %j', (_, words, answer) => {
    expect(offered(...words)).toEqual(answer);
  });

  it('all values where nothing is typed yet, and files elsewhere', () => {
    expect(offered('discover', '--algo', '')).toContain('eap');
    expect(offered('discover', '--algo', '=')).toContain('eap');
    expect(offered('discover', '--ablation', '')).toHaveLength(8);
    expect(offered('discover', '--data', 'x')).toEqual([]);
    expect(offered('patch', '--edges', '')).toEqual([]); // edges of a graph, not sizes
  });
});

it.each(['zsh', 'fish'])('in %s, flags that take names have them', async (shell) => {
  const { stdout } = await runMain(['completion', shell]);
  for (const name of [
    'eap-ig-inputs',
    'official-circuit',
    'ioi-mini',
    'tracr-reverse',
    'tfjs',
    'batch-position-mean',
  ]) {
    expect(stdout, name).toMatch(new RegExp(`[( ']${name}[ )']`));
  }
});
