/** Text as XML 1.0 can hold it. */
import { escaped } from './control-characters.js';

/** What is no character of XML 1.0: most control characters, surrogates without a partner, and two more. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A reader would turn these into spaces in attributes, and a carriage return into a line feed anywhere.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** Text between tags. What XML cannot hold is shown as `\x1b`. */
export function xmlText(text: string): string {
  return visible(text).replaceAll(/[&<>\r]/g, (char) => ENTITIES[char] ?? char);
}

/** A start tag's attributes, each with a space before it. */
export function xmlAttributes(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${xmlAttribute(String(value))}"`)
    .join('');
}

function xmlAttribute(text: string): string {
  return visible(text).replaceAll(/[&<>"\t\n\r]/g, (char) => ENTITIES[char] ?? char);
}

const visible = (text: string): string => text.replaceAll(FORBIDDEN, escaped);
