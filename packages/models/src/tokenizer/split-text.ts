/**
 * @file Text cut at the matches of a pattern, with what becomes of the matches: the six ways of Hugging Face's Rust library
 * (`SplitDelimiterBehavior`), which tokenizer.json names.
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

/** A part of a text. */
export interface Piece {
  readonly text: string;
  /** Whether it begins where the whole text begins. */
  readonly first: boolean;
}

/** A part of a text: a match of the pattern, or what stands between two. */
interface Part {
  readonly text: string;
  readonly isMatch: boolean;
}

/** From the parts of a text, which make it up, to its pieces; null where a part is left out. */
const BEHAVIORS = {
  removed: (parts) => parts.map(({ text, isMatch }) => (isMatch ? null : text)),
  isolated: (parts) => parts.map(({ text }) => text),
  contiguous: (parts) => joined(parts, (part, before) => part.isMatch === before?.isMatch),
  // A match joins what is before it, but of several matches in a row only the first does.
  mergedwithprevious: (parts) => joined(parts, (part, before) => part.isMatch && before?.isMatch === false),
  // The mirror image of that.
  mergedwithnext: (parts) => joined(parts, (part, before) => before?.isMatch === true && !part.isMatch),
} as const satisfies Readonly<Record<string, (parts: readonly Part[]) => readonly (string | null)[]>>;
/** What becomes of matches. */
export type SplitBehavior = keyof typeof BEHAVIORS;

/** Texts of parts, each joined to the one before it where `joins` says so. */
function joined(parts: readonly Part[], joins: (part: Part, before: Part | undefined) => boolean): string[] {
  const texts: string[] = [];
  for (const [i, part] of parts.entries()) {
    if (joins(part, parts[i - 1])) texts[texts.length - 1] += part.text;
    else texts.push(part.text);
  }
  return texts;
}

/** The behavior of a name as tokenizer.json writes it: `MergedWithNext`. @throws AutoCircuitError for another name */
export function splitBehavior(name: string): SplitBehavior {
  const known = Object.keys(BEHAVIORS).find((own) => own === name.toLowerCase());
  if (known !== undefined) return known as SplitBehavior;
  throw new AutoCircuitError({
    code: 'invalid-tokenizer',
    fields: { behavior: name },
    where: 'tokenizer',
    what: `a pre-tokenizer splits by "${name}"`,
    expected: 'Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext',
  });
}

/**
 * Cuts a piece.
 * @param pattern global; empty matches cut where they stand
 * @param invert what the pattern does not match is what counts as a match
 */
export function splitPiece(piece: Piece, pattern: RegExp, behavior: SplitBehavior, invert = false): Piece[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of piece.text.matchAll(pattern)) {
    if (match.index > end) parts.push({ text: piece.text.slice(end, match.index), isMatch: invert });
    parts.push({ text: match[0], isMatch: !invert });
    end = match.index + match[0].length;
  }
  if (end < piece.text.length) parts.push({ text: piece.text.slice(end), isMatch: invert });
  const texts = BEHAVIORS[behavior](parts);
  return texts.flatMap((text, i) => (text ? [{ text, first: piece.first && i === 0 }] : []));
}
