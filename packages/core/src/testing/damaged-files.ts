/** @file Folders one file of which is damaged, in a way that a seed draws. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RandomSource } from '../numeric/seeded-random.js';
import { mutatedJson, mutatedText } from './mutations.js';

/** The bytes of all files below a folder, by their paths in it. */
export function filesBelow(folder: string): Record<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

/** Makes a folder hold these files and no others. */
export function writeFilesBelow(folder: string, files: Readonly<Record<string, Buffer>>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
}

/**
 * Damages one of these files below a folder: bits, bytes and digits that are others, a piece that is missing or there twice,
 * another file in its place, values of JSON that are others, or no file any more.
 * @param which files it may be; default: any
 * @returns what was done
 */
export function damageFile(
  folder: string,
  files: Readonly<Record<string, Buffer>>,
  random: RandomSource,
  which: (name: string) => boolean = () => true,
): string {
  const names = Object.keys(files).filter(which);
  const name = names[random.below(names.length)]!;
  const path = join(folder, name);
  const bytes = Buffer.from(files[name]!);
  const at = random.below(Math.max(1, bytes.length));
  const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 48 && bytes[i]! <= 57);
  switch (random.below(9)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      break;
    case 1:
      writeFileSync(path, bytes.subarray(0, at));
      return `${name} cut at ${at}`;
    case 2:
      rmSync(path);
      return `${name} removed`;
    case 3: {
      const other = names[random.below(names.length)]!;
      writeFileSync(path, files[other]!);
      return `${name} replaced by ${other}`;
    }
    case 4:
      writeFileSync(path, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)]));
      return `${name} repeated from ${at >> 1} at ${at}`;
    case 5:
      writeFileSync(path, Buffer.concat([bytes, Buffer.from(' \n')]));
      return `${name} with a blank line more`;
    case 6:
      bytes.fill(0, at, Math.min(bytes.length, at + 64));
      break;
    case 7: {
      if (!/\.(json|csv|html)$/.test(name)) break;
      const text = bytes.toString('utf8');
      writeFileSync(path, /^[{[]/.test(text) ? mutatedJson(text, random) : mutatedText(text, random));
      return `${name} with other values`;
    }
    default:
      // Another number in JSON, or anything elsewhere.
      if (digits.length > 0) bytes[digits[random.below(digits.length)]!] = 48 + random.below(10);
  }
  writeFileSync(path, bytes);
  return `${name} changed at ${at}`;
}
