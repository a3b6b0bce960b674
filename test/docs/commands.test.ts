/**
 * Every command line of the documentation is carried out, document by document, in order, in a folder where the reader
 * has what the document says. A line that fits no rule here makes its test fail.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { FULL } from '../full.js';
import { blocksOf, DOCUMENTS, fileOf } from './documents.js';
import { Reader, ROOT, VSCSI } from './reader.js';

/** A case that takes no time and passes everywhere: what `run` without `--select` is narrowed to. */
const CHEAP = 'spc.test-unit-ready.good';

/** Scripts of `sh` that stand in for the programs of the reader. */
const PROGRAMS: Readonly<Record<string, string>> = {
  // The commands that would run everything run one case, or the mutants of one deviation.
  vscsi: `narrow() { case " $* " in *' --select '*) false ;; esac; }
  case "$1 $*" in
    *' --cases '*) ;;
    run*|'diff '*' --dut '*) narrow "$@" && set -- "$@" --select ${CHEAP} ;;
    certify*) set -- "$@" --jobs 2 ;;
    mutate*)
      narrow "$@" && set -- "$@" --select 'allocation.*'
      set -- "$@" --cases '${join(ROOT, 'spec-cases/commands/allocation-length.yaml')}' ;;
  esac
  exec ${VSCSI} "$@"`,
  npx: 'exec "$@"',
  // A script of the package has to be there; what it does is tested by itself.
  npm: `case "$1" in
    ci) test -f '${ROOT}package-lock.json' ;;
    test) exec npm run test ;;
    run) exec '${process.execPath}' -e 'process.exit(process.argv[2] in require(process.argv[1]).scripts ? 0 : 1)' '${ROOT}package.json' "$2" ;;
    *) exit 1 ;;
  esac`,
  'my-back-end': `exec ${VSCSI} serve "$@"`,
  'my-server': `exec ${VSCSI} serve --vfio-user "$@"`,
  'my-device': `exec ${VSCSI} serve --remote "$@"`,
  valgrind: 'while case "$1" in -*) ;; *) false ;; esac; do shift; done; exec "$@"',
  git: '[ "$1 $2" = "bisect run" ] || exit 1; shift 2; exec "$@"',
  socat: `exec '${process.execPath}' -e '
    const socket = require("node:net").connect(process.argv[2].replace("UNIX-CONNECT:", ""));
    process.stdin.pipe(socket); socket.pipe(process.stdout)' "$@"`,
  'build/qemu-system-x86_64': 'exec qemu-system-x86_64 "$@"',
};
/** Programs that every machine has. */
const COMMON = ['echo', 'openssl', 'cat', 'sha256sum', 'ls', 'lsblk', 'lspci', 'modprobe'];

/** Files that a reader has before reading: profiles of devices, and results of theirs. */
const PROFILES = ['my-device.yaml', 'old.yaml', 'new.yaml'];
const RESULTS = ['yesterday.json', 'old.json', 'new.json', 'model.json', 'qemu.json'];

interface Rule {
  readonly line: RegExp;
  readonly reason: string;
}

/** Lines that are not carried out; their options are still looked up in `--help`. */
const NOT_HERE: readonly Rule[] = [
  { line: /^npx vscsi lab /, reason: 'fetches a kernel of Debian, and boots it for a minute: .ci/lab does' },
  {
    line: /^(lspci|modprobe) |\/sys\/(bus\/pci|kernel)\//,
    reason: 'what this machine has is not for a test to move',
  },
  {
    line: /--dut (vfio|my-dpu|pci|my-cloud)(?!-user)\b/,
    reason: 'needs a function of its own, or the lab: .ci/lab does',
  },
  { line: /--dut vhost-scsi\b/, reason: 'needs the modules of a kernel, or the lab: .ci/lab does' },
  { line: /^npx vscsi bench --scale --dut qemu/, reason: 'takes minutes: 512 disks, four times' },
];

/** The same for short runs, by document. */
const NOT_IN_SHORT: readonly (Rule & { readonly document: string })[] = FULL
  ? []
  : [
      {
        document: 'README.md',
        line: /^npx vscsi (certify|verify) /,
        reason: 'the longest of all, and docs/certification.md begins with the same lines',
      },
    ];

/** Lines that end otherwise than with 0, and what they say. */
const OTHER_ENDS: readonly (Rule & { readonly statuses: readonly number[]; readonly says: RegExp })[] = [
  {
    line: /^(npx )?vscsi run .*--mutant /,
    reason: 'a deviation is there to be found',
    statuses: [1],
    says: /^NOT CONFORMANT$/m,
  },
  {
    line: /^(npx )?vscsi mutate /,
    reason: 'a few cases need not notice all',
    statuses: [0, 1],
    says: /^\d+ mutants: [1-9]\d* caught/m,
  },
  {
    line: /^(npx )?vscsi (replay|diff) /,
    reason: 'two devices need not answer alike',
    statuses: [0, 1],
    says: /^(THE SAME|DIFFERENT|no difference|verdicts differ)/m,
  },
];

/** The lines of a document that a reader would type, without comments, those that go on joined. */
function commandsOf(text: string): string[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(?:^|\s+)#.*$/, '').trim())
    .filter((line) => line !== '');
}

/** The programs that a line starts, by their names. */
function programsOf(line: string): string[] {
  const bare = line.replaceAll(/'[^']*'|"[^"]*"/g, '_');
  return bare.split(/&&|\|\||[|;&]/).flatMap((part) => part.trim().split(/\s+/)[0] || []);
}

/** Those of them that no rule knows. */
const unknownOf = (line: string): string[] =>
  programsOf(line).filter(
    (name) => ![...Object.keys(PROGRAMS), ...COMMON, '.ci/run'].includes(name.replace(/^\.\//, '')),
  );

/** What a line asks of `vscsi`: the words of the command and its options, before `--`. */
function optionsOf(line: string): { readonly command: string[]; readonly options: string[] } {
  const words = line.replaceAll(/'[^']*'|"[^"]*"/g, '_').split(/\s+/);
  const own = words.slice(words.indexOf('vscsi') + 1).join(' ');
  const [before = ''] = own.split(/ -- /);
  const command = before.split(' ').filter((word, at) => /^[a-z]+$/.test(word) && at < 2);
  return { command, options: before.match(/--[a-z-]+/g) ?? [] };
}

let results: string;
beforeAll(() => {
  const reader = new Reader();
  reader.shell(`${VSCSI} run --dut model --select ${CHEAP} --report json=results.json`);
  results = readFileSync(join(reader.folder, 'results.json'), 'utf8');
  reader.dispose();
});

let reader: Reader | undefined;
afterEach(() => {
  reader?.dispose();
  reader = undefined;
});

/** All that the reader of a document types. */
const shellOf = (document: string): string =>
  blocksOf(document)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text)
    .join('');

/** A folder of the reader of a document, with programs and files. */
function newReader(document: string): Reader {
  const made = new Reader();
  for (const [name, script] of Object.entries(PROGRAMS)) made.program(name, `#!/bin/sh\n${script}\n`);
  accessSync(join(ROOT, '.ci/run'), constants.X_OK);
  made.program('.ci/run', '#!/bin/sh\n');
  for (const name of PROFILES) made.file(name, 'dut: model\n');
  for (const name of RESULTS) made.file(name, results);
  if (!shellOf(document).includes('--out known.yaml'))
    made.file('known.yaml', 'dut: model\ndeviations: []\n');
  return made;
}

/** Sockets with a name are the reader's, in the folder. */
const SOCKETS = /\/(?:tmp|run)\/[\w-]+\.sock/g;

const withCommands = DOCUMENTS.filter((name) => shellOf(name) !== '');

test.each(withCommands)(
  '%s',
  async (document) => {
    const own = newReader(document);
    reader = own;
    for (const block of blocksOf(document)) {
      const file = fileOf(block);
      if (file !== undefined) own.file(file, block.text);
      if (block.language !== 'sh') continue;
      for (const written of commandsOf(block.text)) {
        const place = `${document}:${block.line}: ${written}`;
        expect(unknownOf(written), `no rule says what these programs are: ${place}`).toEqual([]);
        const leftOut = [...NOT_HERE, ...NOT_IN_SHORT.filter((rule) => rule.document === document)];
        if (leftOut.some((rule) => rule.line.test(written))) {
          const { command, options } = optionsOf(written);
          const help = own.shell(`vscsi ${command.join(' ')} --help`).stdout;
          expect(
            options.filter((option) => !help.includes(`  ${option} `)),
            `unknown options: ${place}`,
          ).toEqual([]);
          continue;
        }
        const line = written.replaceAll(SOCKETS, (path) => join(own.folder, path.split('/').at(-1) ?? ''));
        if (line.endsWith('&')) {
          await own.start(line.slice(0, -1), line.match(/\/\S+\.sock/g) ?? []);
          continue;
        }
        const end = OTHER_ENDS.find((rule) => rule.line.test(written));
        const { status, said } = own.shell(line);
        expect(end?.statuses ?? [0], `${place}\n${said.slice(-2000)}`).toContain(status);
        if (end) expect(said, place).toMatch(end.says);
      }
    }
  },
  600_000,
);

test('a program that no rule knows is found, wherever it is in a line', () => {
  expect(unknownOf('npm ci && .ci/run')).toEqual([]);
  expect(unknownOf("npx vscsi run --backend 'other; words' && frobnicate | cat & ./build/it")).toEqual([
    'frobnicate',
    './build/it',
  ]);
});

test('options are those of the command itself, not of what it starts', () => {
  expect(optionsOf("npx vscsi lab run --module 'brd --x' -- ls --all")).toEqual({
    command: ['lab', 'run'],
    options: ['--module'],
  });
});

test('each exception is still needed', () => {
  const lines = withCommands.flatMap((name) => commandsOf(shellOf(name)));
  const idle = [...NOT_HERE, ...NOT_IN_SHORT, ...OTHER_ENDS].filter(
    (rule) => !lines.some((line) => rule.line.test(line)),
  );
  expect(idle).toEqual([]);
});
