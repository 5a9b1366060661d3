/**
 * @file Prints the tables of docs/performance.md: every case with its ratio to our own plain pass and its peak memory, on request
 * the Python library in turns with ours, growth with size, and a profile by kind of operation.
 *
 *   npm run bench                                     the table at 2×16 and 16×16
 *   npm run bench -- --cases plain,patched,eap --shapes 2x16,16x64 --rounds 3
 *   npm run bench -- --peers VENV --peer-script FILE  with the Python library (FILE prints a JSON line for a case)
 *   npm run bench -- --growth --profile               growth over layers, positions, batch; time by kind of operation
 *   npm run bench -- --positions                      each token position with edges of its own
 *   SMOLLM2_DIR=DIR npm run bench -- --model smollm2
 */
import { parseArgs } from 'node:util';
import { CASES } from './cases.mjs';
import { machineFacts, measuredRates, ratesText } from './machine.mjs';
import { median, ours, theirs } from './processes.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'gpt2-small' },
    shapes: { type: 'string', default: '2x16,16x16' },
    cases: { type: 'string', default: Object.keys(CASES).join(',') },
    rounds: { type: 'string', default: '2' },
    positions: { type: 'boolean', default: false },
    growth: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    peers: { type: 'string' },
    'peer-script': { type: 'string' },
  },
});
const peers =
  values.peers && values.model === 'gpt2-small' ? { venv: values.peers, script: values['peer-script'] } : null;
const model = ['--model', values.model, ...(values.positions ? ['--positions'] : [])];

for (const line of await machineFacts()) console.log(line);
await table();
if (values.growth) growth();
if (values.profile) {
  const { profile } = await import('./profile.mjs');
  for (const name of ['plain', 'patched', 'eap'])
    await profile(name, values.shapes.split(',')[0], { model: values.model });
}
process.exit(0);

async function table() {
  const names = ['plain', ...values.cases.split(',').filter((name) => name !== 'plain')];
  console.log(`\n${values.model}${values.positions ? ', edges for each token position' : ''}`);
  const peerTitle = peers ? '   Python ms   times faster' : '';
  console.log(`batch × pos   work          median ms    / plain   × floor   × bytes   peak MiB${peerTitle}`);
  for (const shape of values.shapes.split(',')) {
    const rounds = [];
    while (rounds.length < Number(values.rounds)) rounds.push(await round(names, shape));
    const rates = rounds.flatMap((r) => names.map((name) => r[name].rates));
    const middle = { flops: median(rates.map((r) => r.flops)), bytes: median(rates.map((r) => r.bytes)) };
    console.log(`${shape.padEnd(13)} between the cases: ${ratesText(middle)}`);
    for (const name of names) {
      const mine = rounds.map((r) => r[name].own);
      // ratios pair by pair, so that a drift of the machine hits both
      const ratio = median(rounds.map((r) => r[name].own.median_ms / r.plain.own.median_ms));
      const cells = [
        median(mine.map((r) => r.median_ms))
          .toFixed(1)
          .padStart(9),
        ratio.toFixed(2).padStart(10),
        timesFloor(rounds, name, 'giga_multiplications', ({ flops }) => flops / 2).padStart(9),
        timesFloor(rounds, name, 'gigabytes', ({ bytes }) => bytes).padStart(9),
        Math.max(...mine.map((r) => r.peak_mib))
          .toFixed(0)
          .padStart(10),
      ];
      const python = rounds.flatMap((r) => (r[name].peer ? [r[name].peer.median_ms] : []));
      if (python.length > 0) {
        const faster = median(python.map((ms, i) => ms / mine[i].median_ms));
        cells.push(median(python).toFixed(0).padStart(11), faster.toFixed(1).padStart(14));
      }
      console.log(`${shape.padEnd(13)} ${name.padEnd(13)} ${cells.join(' ')}`);
    }
  }
  console.log(`\n${names.map((name) => `${name}: ${CASES[name].doc}`).join('\n')}`);
}

/**
 * Times what a case's products alone would take: their multiplications at the rate of products with weights, or the bytes that
 * they read and write at the rate of copying. Each run is compared with the rate that was measured just before it.
 */
function timesFloor(rounds, name, what, perSecond) {
  if (rounds[0][name].own[what] === undefined) return '';
  const times = rounds.map((r) => {
    const { own, rates } = r[name];
    return own.median_ms / ((1000 * own[what]) / perSecond(rates));
  });
  return median(times).toFixed(2);
}

/** Each case once, after the rates of the machine; the Python library's after ours. */
async function round(names, shape) {
  const found = {};
  for (const name of names) {
    const rates = await measuredRates();
    const own = ours(name, shape, model);
    const { peer } = CASES[name];
    found[name] = { rates, own, peer: peers && peer ? theirs(peers, peer, shape) : null };
  }
  return found;
}

/** Time and memory of the three kinds of pass as one size grows and the others stay. */
function growth() {
  const names = ['plain', 'patched', 'eap'];
  const series = [
    ['layers, 2×16', [1, 4, 12, 24].map((layers) => [`${layers}`, '2x16', ['--model', `gpt2-small:${layers}`]])],
    ['positions, batch 1', [16, 64, 256, 512].map((pos) => [`${pos}`, `1x${pos}`, model])],
    ['batch, 16 positions', [1, 4, 16, 64].map((batch) => [`${batch}`, `${batch}x16`, model])],
  ];
  for (const [title, points] of series) {
    console.log(`\n${title.padEnd(21)} ${names.map((name) => `${name} ms (MiB)`.padStart(22)).join('')}`);
    for (const [label, shape, flags] of points) {
      const cells = names.map((name) => {
        const { median_ms, peak_mib } = ours(name, shape, flags);
        return `${median_ms.toFixed(1)} (${peak_mib.toFixed(0)})`.padStart(22);
      });
      console.log(`${label.padStart(8).padEnd(21)} ${cells.join('')}`);
    }
  }
}
