/**
 * Whether tests that only repeat something many times do so to the full: `npm run full` says so. Otherwise they repeat it
 * as often as leaves everybody's patience intact.
 */
export const FULL = process.env.VSCSI_FULL === '1';
