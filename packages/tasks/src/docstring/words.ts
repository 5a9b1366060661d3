/** @file The words of docstring prompts. */
import { wordList } from '../prompt-set/word-lists.js';

/** Names of methods. */
export const FUNCTION_NAMES: readonly string[] = wordList(`
  add apply build check clean close compare convert copy count create draw find format get join load make move open
  parse print read remove report run save scan search send set show sort split start test update write
`);
/** Names of arguments. */
export const ARGUMENT_NAMES: readonly string[] = wordList(`
  account action address age amount answer area array base block body bytes cell channel city class client code color
  column command content context cost data date depth device domain email energy error event field file filter flag
  font format frame group height host image index input item key label layer length level limit line list lock message
  method mode model name network node number object option order output owner page password path phase pixel point
  port price project query range rate ratio record region result root row rule scale score section server session
  shape size source speed stage state status step style table target task text time title token type unit url user
  value version volume weight width window word year zone
`);
/** Words for descriptions: they say nothing about the arguments. */
export const DESCRIPTION_WORDS: readonly string[] = wordList(`
  animal autumn beach bread bridge butter castle cloud coffee corn dance desert dinner doctor dream farm finger fish
  forest fruit garden glass gold grass guest hill honey horse island king lake leaf lemon market meal milk moon
  morning mountain music ocean orange paper peace queen rain river road salt sand school shadow ship silver smoke snow
  song stone storm sugar summer sun teacher tree valley village wall water wind winter wood
`);
