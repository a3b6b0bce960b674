/**
 * Writes fixtures/playlists/*.yaml from the cases of the built package; with --check only says, by its exit code,
 * whether the stored files are what would be written.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { RECIPES } from '../dist/certify/playlist.js';
import { playlistText } from '../dist/certify/playlist-text.js';

for (const recipe of RECIPES) {
  const target = new URL(`../fixtures/playlists/${recipe.name}.yaml`, import.meta.url);
  const text = playlistText(recipe);
  if (process.argv.includes('--check')) {
    const stored = await readFile(target, 'utf8').catch(() => '');
    if (stored !== text) {
      console.error(`fixtures/playlists/${recipe.name}.yaml is stale: run "npm run playlists"`);
      process.exitCode = 1;
    }
  } else {
    await mkdir(new URL('.', target), { recursive: true });
    await writeFile(target, text);
  }
}
