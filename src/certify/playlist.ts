/** The fixed lists of cases that a certification carries out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import type { CaseDefinition } from '../cases/types.js';
import { FIXTURES } from '../run/package-info.js';
import { sha256 } from './manifest.js';

/** A list of cases of one version of the case set. */
export interface Playlist {
  readonly name: string;
  /** What the list is for. */
  readonly about: string;
  readonly caseSet: {
    /** Version of the suite that has it. */
    readonly version: string;
    /** As `caseSetHash` of results. */
    readonly sha256: string;
  };
  /** As `--modes`. */
  readonly modes: 'default' | 'all';
  /** Ids as they are written in the case files, sorted. */
  readonly cases: readonly string[];
}

/** A playlist with the text that it was read from. */
export interface StoredPlaylist extends Playlist {
  readonly text: string;
  /** SHA-256 of the text. */
  readonly hash: string;
}

const FOLDER = join(FIXTURES, 'playlists');

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'about', 'caseSet', 'modes', 'cases'],
  properties: {
    name: { type: 'string' },
    about: { type: 'string' },
    caseSet: {
      type: 'object',
      additionalProperties: false,
      required: ['version', 'sha256'],
      properties: { version: { type: 'string' }, sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
    },
    modes: { enum: ['default', 'all'] },
    cases: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string' } },
  },
};

/** A text that is no playlist. */
export class PlaylistError extends Error {}

/** Reads the text of a playlist. Throws PlaylistError. */
export function parsePlaylist(text: string): StoredPlaylist {
  let playlist: unknown;
  try {
    playlist = parse(text);
  } catch (error) {
    throw new PlaylistError(`is no YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const ajv = new Ajv();
  if (!ajv.validate(SCHEMA, playlist)) throw new PlaylistError(`is no playlist: ${ajv.errorsText()}`);
  return { ...(playlist as unknown as Playlist), text, hash: sha256(text) };
}

/** The names of the suite's playlists. */
export function playlistNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort();
}

/** The suite's playlist of a name; undefined where it has none. */
export function ownPlaylist(name: string): StoredPlaylist | undefined {
  return playlistNames().includes(name)
    ? parsePlaylist(readFileSync(join(FOLDER, `${name}.yaml`), 'utf8'))
    : undefined;
}

/** Which cases a playlist has, and in which modes: what its file is made from. */
export interface Recipe extends Pick<Playlist, 'name' | 'about' | 'modes'> {
  readonly takes: (definition: CaseDefinition, isMandatory: (requirement: string) => boolean) => boolean;
}

export const RECIPES: readonly Recipe[] = [
  {
    name: 'basic',
    about:
      'What the standards demand of every device and what a device shows by itself: cases about mandatory requirements that need no control and break no rule of the driver, each in one mode',
    modes: 'default',
    takes: ({ covers, needs, hostile }, isMandatory) =>
      !hostile && needs.every(({ kind }) => kind !== 'control') && covers.some(isMandatory),
  },
  {
    name: 'full',
    about: 'Every case of the suite, in other ring formats and by other transports as well',
    modes: 'all',
    takes: () => true,
  },
];
