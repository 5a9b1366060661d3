/** @file The inputs of a head, told apart by a letter and a place: its query left, its key in the middle, its value right. */
import type { CircuitData } from './circuit-data.js';

/** What an input is called. */
export type InputLetter = 'Q' | 'K' | 'V';
/** An input below its head. */
export interface Input {
  readonly letter: InputLetter;
  /** From the middle of the head, to the right. */
  readonly shift: number;
}

const PLACES: readonly Input[] = [
  { letter: 'Q', shift: -11 },
  { letter: 'K', shift: 0 },
  { letter: 'V', shift: 11 },
];

/** The input that an edge enters; null where its destination has only one. */
export function inputLetter(data: CircuitData, edge: number): InputLetter | null {
  const [name] = data.destinations[data.edges.destination[edge]!]!;
  return (/\.([QKV])$/.exec(name)?.[1] as InputLetter | undefined) ?? null;
}

/** Inputs by letter, left to right. */
export const inputsOf = (letters: ReadonlySet<InputLetter | null>): Input[] =>
  PLACES.filter(({ letter }) => letters.has(letter));

/** How far from the middle of its node an edge ends. */
export const inputShift = (letter: InputLetter | null): number =>
  PLACES.find((input) => input.letter === letter)?.shift ?? 0;
