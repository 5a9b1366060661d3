/** @file The sentences and words of IOI. {first} and {second} are the two people in the order they are met, {giver} is the one who gives. */
import { wordList } from '../prompt-set/word-lists.js';

/** 15 sentences; each gives two templates: ABBA (the answer first of the two people) and BABA (the answer second). */
export const IOI_SENTENCES: readonly string[] = [
  'As {first} and {second} walked into the {place}, {giver} handed the {object} to',
  'Once {first} and {second} had reached the {place}, {giver} passed the {object} over to',
  'Before lunch {first} and {second} stopped at the {place}, where {giver} gave the {object} to',
  'Last night {first} and {second} argued at the {place} until {giver} sold the {object} to',
  'Because it rained, {first} and {second} stayed inside the {place} and {giver} lent the {object} to',
  'On the way home from the {place}, {first} met {second}. A minute later {giver} offered the {object} to',
  'Everyone at the {place} saw how {first} greeted {second} and how {giver} then handed the {object} to',
  'During the break {first} and {second} sat near the {place}, so {giver} passed the {object} to',
  'After work {first} and {second} drove to the {place}. There {giver} lent the {object} to',
  'While {first} and {second} cleaned the {place}, {giver} found the {object} and gave it to',
  'This morning {first} and {second} opened the {place} together, and {giver} sent the {object} to',
  'At the end of the trip {first} and {second} visited the {place}, and {giver} mailed the {object} to',
  'According to the report, {first} and {second} left the {place} early, and {giver} promised the {object} to',
  'Though {first} and {second} had never seen the {place}, {giver} soon gave the {object} to',
  'Soon {first} and {second} will arrive at the {place}, and {giver} will give the {object} to',
];

/** The sentence of the prompts of one length. */
export const IOI_FIXED_SENTENCE = 'When {first} and {second} entered the {place}, {giver} gave the {object} to';

/** First names. */
export const NAMES: readonly string[] = wordList(`
  Aaron Adam Alan Albert Alice Amanda Amy Andrea Andrew Anna Anthony Arthur Barbara Ben Betty Brandon Brian Carl Carol
  Catherine Charles Chris Christine Claire Colin Craig Dan Daniel David Dean Diana Donna Edward Elizabeth Ellen Emily
  Emma Eric Frank Fred Gary George Grace Graham Hannah Harry Helen Henry Ian Jack James Jane Jason Jennifer Jessica
  Joe John Jonathan Joseph Julia Karen Kate Keith Kevin Laura Leon Lewis Linda Lisa Louis Lucy Luke Margaret Maria
  Mark Martin Mary Matthew Michael Michelle Nancy Neil Nicholas Oliver Oscar Patrick Paul Peter Philip Rachel Ralph
  Rebecca Richard Robert Roger Ruth Samuel Sandra Sarah Scott Simon Sophie Stephen Steve Susan Thomas Tony Victor
  Victoria Walter William
`);
/** Where people meet. */
export const PLACES: readonly string[] = wordList(`
  airport apartment bank bar church cinema club factory farm garage garden gym hospital hotel kitchen laboratory
  library market museum office palace restaurant school shop stadium station studio theater tower warehouse
`);
/** What is given. */
export const OBJECTS: readonly string[] = wordList(`
  bag ball bike book bottle box camera card chair coin computer cup flag flower guitar hammer hat jacket key knife
  lamp letter magazine map mirror money newspaper package phone picture plate radio ring shirt ticket watch
`);
