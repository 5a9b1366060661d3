/** @file The words of ioi-mini: names, places, objects and the sentence templates. Everything else is made from these. */

/** The people. */
export const NAMES = [
  'Amara',
  'Bodo',
  'Chidi',
  'Dagny',
  'Elif',
  'Farid',
  'Greta',
  'Hiro',
  'Ines',
  'Jonas',
  'Kaya',
  'Ludo',
  'Mina',
  'Nils',
  'Oona',
  'Pavel',
  'Quinn',
  'Rosa',
  'Suri',
  'Tamar',
];
/** Where they meet. */
export const PLACES = [
  'harbor',
  'library',
  'bakery',
  'garden',
  'station',
  'museum',
  'bridge',
  'market',
  'chapel',
  'stadium',
  'theater',
  'farm',
];
/** What they give. */
export const OBJECTS = [
  'lantern',
  'kettle',
  'compass',
  'violin',
  'blanket',
  'ladder',
  'basket',
  'candle',
  'mirror',
  'hammer',
  'ribbon',
  'teapot',
  'shovel',
  'whistle',
];

/**
 * The prompts: [first], [second] are the two people, in the order they are met; [subject] is the one who gives;
 * the answer is the other one. `aligned` templates have every word class at the same position.
 */
export const TEMPLATES = [
  // 14 tokens, with [first] at 1, [second] at 3, [place] at 7, [subject] at 9, [object] at 12
  { aligned: true, text: 'While [first] and [second] waited at the [place] , [subject] handed a [object] to' },
  { aligned: true, text: 'Once [first] and [second] reached the old [place] , [subject] lent the [object] to' },
  { aligned: true, text: 'Today [first] joined [second] by the new [place] . [subject] then brought [object] to' },
  {
    aligned: true,
    text: 'Yesterday [first] followed [second] past the big [place] and [subject] mailed the [object] to',
  },
  // 14 tokens
  { aligned: false, text: 'Near the [place] , [first] sat with [second] and [subject] passed a [object] to' },
  { aligned: false, text: 'At the [place] [first] greeted [second] . Soon [subject] sold a small [object] to' },
  { aligned: false, text: '[first] walked with [second] to the [place] . There [subject] showed the [object] to' },
  // 9 and 19 tokens
  { aligned: false, text: '[first] saw [second] . [subject] offered the [object] to' },
  {
    aligned: false,
    text: 'When the rain stopped , [first] and [second] left the [place] , and [subject] carried a red [object] to',
  },
];

/** What may stand before a training sentence, so that no word has a fixed position. */
export const OPENERS = ['The [place] was quiet .', 'It rained today .', 'Nobody went to the [place] yesterday .'];

/** Training sentences of other kinds: in both, the last word follows from what came before. Here two people have an object each. */
export const OWNER_TEMPLATES = [
  '[first] has a [object] and [second] has a [other] . [subject] likes the [owned] .',
  '[first] found the [object] . [second] found the [other] . Later [subject] lost the [owned] .',
];
/** One person with one object. */
export const ALONE_TEMPLATES = [
  '[first] left the [place] with a [object] . Soon [first] sold the [object] .',
  'At the [place] [first] saw a small [object] . [first] likes the [object] .',
];

/** They come first in the vocabulary. */
export const SPECIAL_TOKENS = ['<pad>', '<bos>', '<unk>'];

/** Every word, specials first, then in order of first use. Its place here is its token id. */
export function vocabulary() {
  const templates = [...TEMPLATES.map(({ text }) => text), ...OPENERS, ...OWNER_TEMPLATES, ...ALONE_TEMPLATES];
  const words = templates.flatMap((text) => text.split(' ')).filter((word) => !word.startsWith('['));
  return [...new Set([...SPECIAL_TOKENS, ...NAMES, ...PLACES, ...OBJECTS, ...words])];
}

/** Puts words into the slots of a template. @throws Error for a slot without a word */
export function fill(template, slots) {
  return template.replace(/\[(\w+)\]/g, (_, slot) => {
    if (slots[slot] === undefined) throw new Error(`template slot [${slot}] has no word: ${template}`);
    return slots[slot];
  });
}
