/**
 * @file Files as they come from outside: texts of JSON in which a few things are wrong, by a seed, and the measure of what a reader
 * makes of each: a value or a sentence, in time and within memory.
 */
import { AutoCircuitError } from '../errors/error.js';
import { type RandomSource, seededRandom } from '../numeric/seeded-random.js';

const DEEP = 300;
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
/** What stands where something else should: sizes that fill the memory, names of prototypes, patterns that never end, … */
const STRANGE: readonly unknown[] = [
  ...[null, true, false, '', 'x', [], {}, [null], [[]], { a: null }],
  ...[
    0,
    -0,
    -1,
    1,
    2,
    0.5,
    1.5,
    255,
    65_536,
    1e5,
    2 ** 24,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e21,
    1e308,
    -1e308,
  ],
  ...['constructor', '__proto__', 'toString', 'NaN', 'Infinity', '../../etc/passwd', '/dev/zero', 'inf', '-inf'],
  ...['\u001b[2J', '\ud800', '\u0000', '\u202e', 'x'.repeat(100_000), '9'.repeat(400), ' ', '\n'],
  ...['^(a+)+$', '(a|a)*b', '(', '[', '\\p{', '.*.*.*.*=', 'A0.0->Resid End', 'A0.0', '->', '@5'],
  ...[nested(DEEP), Array.from({ length: 10_000 }, (_, i) => i), Object.fromEntries([['__proto__', { a: 1 }]])],
];
const PIECES = ['"', '{', '}', '[', ']', ',', ':', '0', '9', '-', '1e9', 'null', 'NaN', ' ', '\\', '\u0000', '\ufeff'];

type Container = unknown[] | Record<string, unknown>;
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** A text of JSON with one to three things changed: values, keys, entries, or the text itself. */
export function mutatedJson(text: string, random: RandomSource): string {
  if (random.below(4) === 0) return mutatedText(text, random);
  const root = { top: JSON.parse(text) as unknown };
  for (let edits = 1 + random.below(3); edits > 0; edits--) edit(root, random);
  return JSON.stringify(root.top) ?? '';
}

/** Something somewhere below is another: places near the top are as likely as those far down. */
function edit(root: Container, random: RandomSource): void {
  let container = root;
  let key: string | number = 'top';
  for (let depth = random.below(7); depth > 0; depth--) {
    const inner: unknown = (container as Record<string, unknown>)[key];
    if (!isContainer(inner) || Object.keys(inner).length === 0) break;
    container = inner;
    const keys = Object.keys(inner);
    key = keys[random.below(keys.length)]!;
  }
  const place = container as Record<string, unknown>;
  const value = place[key];
  const kind = random.below(8);
  if (kind === 0 && typeof value === 'number') place[key] = nearby(value, random);
  else if (kind === 1 && Array.isArray(value) && value.length > 0) value.push(value[random.below(value.length)]);
  else if (kind === 2 && container !== root)
    Array.isArray(container) ? container.splice(Number(key), 1) : delete place[key];
  else if (kind === 3) place[random.below(2) === 0 ? `${key}x` : 'extra'] = structuredClone(value ?? 1);
  else if (kind === 4 && typeof value === 'string') place[key] = mutatedText(value, random);
  else if (kind === 5) place[key] = [value];
  else place[key] = structuredClone(STRANGE[random.below(STRANGE.length)]);
}

const nearby = (x: number, random: RandomSource): number =>
  [x + 1, x - 1, x * 2, x / 2, x * 1000, -x, x + 0.5, 1 / x || 1][random.below(8)]!;

/** Bytes replaced, put in, left out, or the end cut off. */
export function mutatedText(text: string, random: RandomSource): string {
  const at = random.below(text.length + 1);
  const piece = PIECES[random.below(PIECES.length)]!;
  const kind = random.below(4);
  if (kind === 0) return text.slice(0, at);
  if (kind === 1) return text.slice(0, at) + text.slice(at + 1 + random.below(8));
  return text.slice(0, at) + piece + text.slice(kind === 2 ? at : at + piece.length);
}

/** What became of mutations. */
export interface MutationReport {
  readonly rounds: number;
  /** Read, and held to be right. */
  readonly read: number;
  /** Refused with a sentence. */
  readonly refused: number;
  /** Of processor time. */
  readonly slowestMs: number;
  /** Bytes that the process grew by at most, in one round. */
  readonly mostBytes: number;
}

/** What one round may take. */
const [MOST_MS, MOST_BYTES] = [2000, 500 * 2 ** 20];

/**
 * Reads so many mutations, one for each round.
 * @param read makes and reads the round's mutation; what it gives back, if anything, says what is wrong with what was read
 * @throws Error that names the seed and the round, for anything but an `AutoCircuitError` of the user's, a wrong result, more than
 *   2 seconds of processor time (30 of waiting) or more than 500 MiB
 */
export async function readMutations(
  { rounds, seed }: { readonly rounds: number; readonly seed: number },
  read: (random: RandomSource, round: number) => string | undefined | Promise<string | undefined>,
): Promise<MutationReport> {
  const report = { rounds, read: 0, refused: 0, slowestMs: 0, mostBytes: 0 };
  for (let round = 0; round < rounds; round++) {
    const fail = (what: string, cause?: unknown): Error =>
      new Error(`seed ${seed}, round ${round}: ${what}`, { cause });
    const [started, cpu, before] = [performance.now(), process.cpuUsage(), process.memoryUsage.rss()];
    const { wrong, refused } = await outcomeOf(() => read(seededRandom(seed, round), round));
    if (wrong) throw fail(wrong.what, wrong.cause);
    report[refused ? 'refused' : 'read']++;
    // other processes of a busy machine take time, too, but not processor time of this one
    const { user, system } = process.cpuUsage(cpu);
    const [ms, wallMs] = [(user + system) / 1000, performance.now() - started];
    const bytes = process.memoryUsage.rss() - before;
    report.slowestMs = Math.max(report.slowestMs, Math.round(ms));
    report.mostBytes = Math.max(report.mostBytes, bytes);
    if (ms > MOST_MS) throw fail(`${Math.round(ms)} ms`);
    if (wallMs > LONGEST_WAIT * MOST_MS) throw fail(`${Math.round(wallMs)} ms, waiting included`);
    if (bytes > MOST_BYTES) throw fail(`${Math.round(bytes / 2 ** 20)} MiB`);
  }
  return Object.freeze(report);
}
/** A round that waits (for a server, for a busy machine) may take so many times as long. */
const LONGEST_WAIT = 15;
/** Characters of a sentence whose every part is cut. */
const LONGEST_SENTENCE = 15_000;

interface Outcome {
  readonly refused: boolean;
  readonly wrong?: { readonly what: string; readonly cause?: unknown };
}

async function outcomeOf(read: () => string | undefined | Promise<string | undefined>): Promise<Outcome> {
  try {
    const wrong = await read();
    return { refused: false, ...(wrong === undefined ? {} : { wrong: { what: wrong } }) };
  } catch (cause) {
    const refused = true;
    if (!(cause instanceof AutoCircuitError)) return { refused, wrong: { what: 'uncaught', cause } };
    if (cause.kind !== 'user') return { refused, wrong: { what: `called ours: ${cause.message}`, cause } };
    if (cause.message.length <= LONGEST_SENTENCE) return { refused };
    return { refused, wrong: { what: `a sentence of ${cause.message.length} characters` } };
  }
}

/** Rounds of a suite: `AUTO_CIRCUIT_MUTATIONS`, or so many. */
export const mutationRounds = (rounds = 2000): number => Number(process.env.AUTO_CIRCUIT_MUTATIONS ?? rounds);
