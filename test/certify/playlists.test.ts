import { expect, test } from 'vitest';
import { ownPlaylist, parsePlaylist, playlistNames, RECIPES } from '../../src/certify/playlist.js';
import { playlistText } from '../../src/certify/playlist-text.js';
import { ownCases } from '../../src/run/load-cases.js';
import { hashCaseFiles } from '../../src/run/package-info.js';

test.each(RECIPES.map(({ name }) => name))('the playlist %s is of the cases that there are', (name) => {
  const playlist = ownPlaylist(name);
  const { paths, files } = ownCases();
  const ids = new Set(files.flatMap(({ cases }) => cases).map(({ id }) => id));
  expect(playlist?.cases.filter((id) => !ids.has(id))).toEqual([]);
  const stale = 'the cases have changed: run "npm run playlists"';
  expect(playlist?.caseSet.sha256, stale).toBe(hashCaseFiles(paths));
  const recipe = RECIPES.find((one) => one.name === name);
  expect(playlist?.text, stale).toBe(recipe && playlistText(recipe));
});

test('there is a file for each recipe, and full has every case', () => {
  expect(playlistNames()).toEqual(RECIPES.map(({ name }) => name).sort());
  const all = ownCases().files.flatMap(({ cases }) => cases);
  expect(ownPlaylist('full')?.cases).toHaveLength(all.length);
  expect(ownPlaylist('basic')?.cases.length).toBeLessThan(all.length);
});

test.each([
  ['{', /is no YAML/],
  ['name: x', /is no playlist: .*required/],
  [`${ownPlaylist('basic')?.text}  - config.readable-early\n`, /duplicate/],
])('%#: what is no playlist', (text, complaint) => {
  expect(() => parsePlaylist(text)).toThrow(complaint);
});
