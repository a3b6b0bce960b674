/** Examples and links of the documentation: what is in YAML is what it says it is, and what is linked is there. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadProfile } from '../../src/cli/profile-file.js';
import { loadKnownList } from '../../src/run/known.js';
import { blocksOf, DOCUMENTS, textOf } from './documents.js';
import { Reader, ROOT, VSCSI } from './reader.js';

let reader: Reader | undefined;
afterEach(() => {
  reader?.dispose();
  reader = undefined;
});

/** What each kind of example is, by a key that only it has, and how it is read; throws for one with a mistake. */
const KINDS: Readonly<Record<string, (file: string, made: Reader) => void>> = {
  cases: (file, made) => {
    const { status, said } = made.shell(`${VSCSI} check '${file}'`);
    if (status !== 0) throw new Error(said);
  },
  deviations: (file) => loadKnownList(file),
  dut: (file) => loadProfile(file),
};

const examples = DOCUMENTS.flatMap((document) =>
  blocksOf(document)
    .filter(({ language }) => /^ya?ml$/.test(language))
    .map(({ text, line }) => ({ document, line, text })),
);

test.each(examples)('$document:$line is an example without mistakes', ({ document, line, text }) => {
  reader = new Reader();
  const root = parse(text) as object;
  const kind = Object.keys(KINDS).find((key) => key in root);
  expect(kind, `no rule says what the example at ${document}:${line} is`).toBeDefined();
  reader.file('example.yaml', text);
  KINDS[kind ?? '']?.(join(reader.folder, 'example.yaml'), reader);
});

test.each(Object.entries(KINDS))('an example of the kind "%s" with a mistake is refused', (key, read) => {
  const made = new Reader();
  reader = made;
  made.file('example.yaml', `${key}: nonsense\nno_such_key: 1\n`);
  expect(() => read(join(made.folder, 'example.yaml'), made)).toThrow();
});

/** The anchors that a forge gives the headings of a document. */
function anchorsOf(document: string): Set<string> {
  const headings = textOf(document).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

describe('links lead to files and headings that are there', () => {
  test.each(DOCUMENTS)('%s', (document) => {
    const links = [...textOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(target).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});
