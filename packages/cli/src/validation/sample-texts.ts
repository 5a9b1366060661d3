/** @file Texts that a tokenizer must bring back: scripts, spaces, digits, code, and what usual rules treat apart. */

/** Sentences, long enough for the prompts of a check. */
export const SENTENCES: readonly string[] = [
  'The train to the coast leaves at noon, and nobody has packed a single bag yet.',
  'After the storm the two fishermen found their boat on top of the old church.',
  'My sister keeps seven bees in a jar because the eighth one learned to sing.',
  'In the winter of 1902 the river froze from one bank to the other for weeks.',
];

/** Texts of every kind, the sentences among them. */
export const TEXTS: readonly string[] = [
  ...SENTENCES,
  'a',
  'Ünïcödé wörds, façades and naïve cafés',
  'Москва, Київ и Минск',
  'Ελληνικά γράμματα',
  '東京は日本の首都です。',
  '서울은 한국의 수도이다',
  'مرحبا بالعالم',
  'नमस्ते दुनिया',
  'emoji 🙂 and 👩‍👩‍👧 families 🇫🇮',
  'for (let i = 0; i < n; i++) { total += a[i] ** 2; }',
  'tabs\tand\nnew lines\n\n  and   blanks  ',
  '3.14159, 1,000,000 and -273.15 °C',
  "don't, we've, it's, I'LL",
  'https://example.org/a?b=c#d and someone@example.org',
  '“quotes” – dashes — and … dots',
  'MiXeD CaSe WORDS and snake_case_names',
];
